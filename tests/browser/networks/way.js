// One way to the server, with the product's own client: a device check's leg, through TURN of one transport or
// none. Resolves with what the connection came to: {state, type, relay, remote, received}.
async (transport) => {
  const script = [...document.scripts].find((one) => one.src.includes("/js/call/"));
  const load = (name) => import(new URL(name, script.src));
  const [{ Peer }, { Signal }, { csrf, page }] = [await load("peer.js"), await load("socket.js"), await load("page.js")];
  const PATTERNS = { udp: /^turn:.*=udp/, tcp: /^turn:.*=tcp/, tls: /^turns:/ };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const signal = new Signal({ ticketUrl: page.checkTicket, csrf, windowMs: 0 });
  const offered = new Promise((resolve) => {
    let servers = [];
    signal.addEventListener("welcome", ({ detail }) => (servers = detail.ice_servers));
    signal.addEventListener("offer", ({ detail }) => resolve({ offer: detail, servers }));
  });
  signal.start();
  const { offer, servers } = await offered;
  const chosen = servers.map((one) => ({ ...one, urls: one.urls.filter((url) => PATTERNS[transport]?.test(url)) }));
  const peer = new Peer(transport === "direct" ? [] : chosen, { relay: transport !== "direct" });
  signal.send({ type: "answer", offer: offer.id, sdp: await peer.answer(offer, stream) });
  const until = performance.now() + PATIENCE;
  let found = {};
  while (performance.now() < until && !(found.received > 20)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = await look(peer);
  }
  peer.close();
  signal.stop();
  for (const track of stream.getTracks()) track.stop();
  return { transport, ...found };

  async function look({ connection }) {
    const all = await connection.getStats();
    const entries = [...all.values()];
    const pair = entries.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
    const [local, remote] = [all.get(pair?.localCandidateId), all.get(pair?.remoteCandidateId)];
    return {
      state: connection.connectionState,
      type: local?.candidateType,
      relay: local?.relayProtocol,
      remote: remote?.address,
      received: entries.reduce((sum, one) => sum + (one.type === "inbound-rtp" ? one.packetsReceived ?? 0 : 0), 0),
    };
  }
}
