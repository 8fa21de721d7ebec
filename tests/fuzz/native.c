/* The native relay before a peer that sends whatever it likes, at whatever moment of a call. For `make fuzz`
   (libFuzzer) and, with a `main` of its own, for the tests; both under the sanitizers of the compiler.

   An input is a list of steps: what, how long, and so many bytes. There is no cryptography: every packet is authentic.
   Bytes go in by a socket, as they would. After each step what Python would read must be well formed. */

#define _GNU_SOURCE
#include "../../signaling/csrc/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct core *kb_open(void *, void *, void *, void *, uint64_t urgent, uint64_t copies);
void kb_step(struct core *, double now);
int kb_socket(struct core *, int fd), kb_no_protect(void *, void *, int *);
struct leg *kb_leg(uint32_t id);
void kb_leg_keys(struct core *, struct leg *, void *, void *), kb_leg_close(struct core *, struct leg *);
void kb_leg_types(struct core *, struct leg *, const uint8_t *, const uint8_t *);
void kb_leg_path(struct core *, struct leg *, int socket, const struct address *);
void kb_leg_bind(struct core *, struct leg *, uint32_t ssrc, struct inflow *), kb_leg_free(struct leg *);
void kb_claim(struct core *, int socket, const struct address *, struct leg *, double now);
void kb_release(struct core *, int socket, const struct address *, struct leg *);
void kb_send_rtp(struct core *, struct leg *, const uint8_t head[12], const uint8_t *, int size);
void kb_send_rtcp(struct core *, struct leg *, const uint8_t *, int size);
struct inflow *kb_inflow(uint32_t id, int video, int clock, int payload_type);
void kb_inflow_begin(struct core *, struct inflow *), kb_inflow_end(struct core *, struct inflow *);
void kb_inflow_packet(struct core *, struct inflow *, const uint8_t *, int size, double now, int recovered);
int kb_inflow_kept(struct core *, struct inflow *, int64_t number, uint8_t packet[SLOT]);
void kb_inflow_free(struct inflow *), kb_outflow_free(struct outflow *);
struct outflow *kb_outflow(struct leg *, uint32_t id, int video, int clock, uint32_t ssrc, int64_t, uint32_t);
void kb_outflow_take(struct core *, struct outflow *, struct inflow *, int seamless);
uint8_t *kb_ring(struct core *, int copies, uint64_t *size);
uint64_t kb_ring_head(struct core *, int copies);
void kb_ring_done(struct core *, int copies, uint64_t tail);

enum { IN = 4, VIEWERS = 3, TAG = 16 };

struct call {
    struct core *core; /* one for all inputs: it costs more to make than most of them to go through */
    int wire;
    struct leg *sender, *viewer;
    struct inflow *in[IN]; /* picture, small picture, sound, H.264 */
    struct outflow *out[VIEWERS];
    struct address from;
    uint64_t tails[2];
    double now;
};

static int open_rtp(void *session, void *packet, int *size) { /* libsrtp, too, takes no packet without a header */
    (void)session, (void)packet;
    return (*size -= TAG) < 12;
}

static int open_rtcp(void *session, void *packet, int *size) {
    (void)session, (void)packet;
    return (*size -= TAG) < 8;
}

static void must(int holds) {
    if (!holds) abort();
}

/* What Python reads: records follow one another up to the head, and each lies in one piece. */
static void read_ring(struct call *call, int copies) {
    uint64_t size, head = kb_ring_head(call->core, copies), tail = call->tails[copies];
    const uint8_t *ring = kb_ring(call->core, copies, &size);
    must(head - tail <= size);
    while (tail != head) {
        struct record record = {0};
        memcpy(&record, ring + (tail & (size - 1)), 8);
        must(record.size && record.size % 8 == 0 && record.size <= head - tail && record.type <= COPY);
        if (record.type != SKIP_TO_START) {
            memcpy(&record, ring + (tail & (size - 1)), sizeof record);
            must(sizeof record + record.length <= record.size);
            must((tail & (size - 1)) + record.size <= size);
        }
        tail += record.size;
    }
    kb_ring_done(call->core, copies, call->tails[copies] = tail);
}

static void begin(struct call *call) {
    static const uint32_t ssrcs[IN] = {0x1111, 0x2222, 0x3333, 0x4444};
    static const int types[IN] = {VP8, VP8, 111, H264};
    *call = (struct call){.core = call->core, .wire = call->wire, .now = 1000, .from = {.family = 4}};
    if (!call->core) {
        int wire[2];
        must(!socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, wire));
        call->core = kb_open((void *)kb_no_protect, (void *)open_rtp, (void *)kb_no_protect, (void *)open_rtcp, 1 << 13, 1 << 13);
        must(call->core && !kb_socket(call->core, wire[0]));
        call->wire = wire[1];
    }
    call->core->urgent.head = call->core->urgent.tail = call->core->copies.head = call->core->copies.tail = 0;
    call->sender = kb_leg(1), call->viewer = kb_leg(2);
    kb_leg_keys(call->core, call->sender, call, call);
    kb_leg_keys(call->core, call->viewer, call, call);
    kb_leg_path(call->core, call->viewer, 0, &call->from);
    kb_claim(call->core, 0, &call->from, call->sender, call->now);
    for (int i = 0; i < IN; i++) {
        call->in[i] = kb_inflow((uint32_t)i, i != 2, i == 2 ? 48000 : 90000, types[i]);
        kb_leg_bind(call->core, call->sender, ssrcs[i], call->in[i]);
        call->in[i]->view.copying = call->in[i]->view.key_wanted = 1;
    }
    for (int i = 0; i < VIEWERS; i++) {
        call->out[i] = kb_outflow(call->viewer, (uint32_t)(10 + i), i != 2, i == 2 ? 48000 : 90000, 0x9000u + (uint32_t)i, 0x10000, 5);
        kb_outflow_take(call->core, call->out[i], call->in[i], 0);
    }
}

static void end(struct call *call) {
    for (int i = 0; i < VIEWERS; i++) kb_outflow_take(call->core, call->out[i], NULL, 0);
    for (int i = 0; i < IN; i++) kb_inflow_end(call->core, call->in[i]);
    kb_leg_close(call->core, call->sender), kb_leg_close(call->core, call->viewer);
    for (int i = 0; i < VIEWERS; i++) kb_outflow_free(call->out[i]);
    for (int i = 0; i < IN; i++) kb_inflow_free(call->in[i]);
    kb_leg_free(call->sender), kb_leg_free(call->viewer);
}

static void datagram(struct call *call, const uint8_t *data, size_t size) {
    if (write(call->wire, data, size) == (ssize_t)size) kb_step(call->core, call->now);
}

/* What the room decides: `which` says about whom. */
static void decide(struct call *call, int which) {
    struct inflow *in = call->in[which & (IN - 1)];
    struct outflow *out = call->out[(which >> 2) % VIEWERS];
    switch (which >> 5) {
    case 0: kb_outflow_take(call->core, out, in, 0); break;
    case 1: kb_outflow_take(call->core, out, in, 1); break;
    case 2: kb_outflow_take(call->core, out, NULL, 0); break;
    case 3: kb_inflow_begin(call->core, in); break;
    case 4: kb_inflow_end(call->core, in); break;
    case 5: in->view.copying ^= 1, in->view.key_wanted = 1; break;
    case 6: kb_leg_bind(call->core, call->sender, 0x1111u * (uint32_t)(1 + (which & 7)), which & 8 ? NULL : in); break;
    default: kb_release(call->core, 0, &call->from, call->sender), kb_claim(call->core, 0, &call->from, call->sender, call->now);
    }
}

static void step(struct call *call, int what, const uint8_t *data, int size) {
    uint8_t large[SLOT] = {0}, head[12] = {0x80, VP8};
    int number = size ? data[0] : 0;
    switch (what % 10) {
    case 0: datagram(call, data, (size_t)size); break;
    case 1: /* authentic, as libsrtp would let it through */
        memcpy(large, data, (size_t)size);
        datagram(call, large, (size_t)size + TAG);
        break;
    case 2: /* up to what no network carries */
        for (int at = 0; size && at < SLOT; at++) large[at] = data[at % size];
        datagram(call, large, (size_t)(number * 8));
        break;
    case 3: kb_inflow_packet(call->core, call->in[number & (IN - 1)], data, size, call->now, 1); break;
    case 4: kb_send_rtcp(call->core, call->viewer, data, size); break;
    case 5: kb_send_rtp(call->core, call->viewer, head, data, size); break;
    case 6: decide(call, number); break;
    case 7: call->now += number / 50.0; break;
    case 8:
        if (size == 128) kb_leg_types(call->core, number & 1 ? call->sender : call->viewer, data, data);
        for (int64_t at = 0; at < 8; at++) must(kb_inflow_kept(call->core, call->in[number & 3], call->in[number & 3]->view.highest - at, large) <= LARGEST);
        break;
    default: read_ring(call, number & 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct call call;
    begin(&call);
    for (size_t at = 0; at + 2 <= size;) {
        int what = data[at], length = data[at + 1];
        if (at + 2 + (size_t)length > size) length = (int)(size - at - 2);
        /* What came again has a header: it is unwrapped in Python (rooms.rtp.unwrap_rtx). */
        if (what % 10 != 3 || length >= 12) step(&call, what, data + at + 2, length);
        at += 2 + (size_t)length;
    }
    read_ring(&call, 0), read_ring(&call, 1);
    end(&call);
    return 0;
}

#ifdef ALONE
int main(int count, char **names) {
    static uint8_t data[1 << 16];
    for (int i = 1; i < count; i++) {
        FILE *file = fopen(names[i], "rb");
        must(file != NULL);
        size_t size = fread(data, 1, sizeof data, file);
        fclose(file);
        fprintf(stderr, "%s\n", names[i]);
        LLVMFuzzerTestOneInput(data, size);
    }
    return 0;
}
#endif
