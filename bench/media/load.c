/* The peers of the media bench: they send what was encoded beforehand, in real time, and take what comes.

   One thread for all of them. Handshakes are Python's; here are sockets and keyed sessions. Senders lose a part of
   their packets on purpose and answer NACK from what they sent; a PLI makes them begin anew at a key frame. Viewers
   decrypt all sound and one in sixteen of the pictures, and report once a second that they live.

   The delay of a packet is from before its system call to its arrival in the viewer's socket, by the kernel's own stamp.
   How long this thread then takes to look is counted apart: it shares its core with everybody who joins. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOUND, PICTURE, SMALL, KINDS }; /* a small copy of the picture, where somebody wants one */
enum { PEERS = 512, RING = 1024, SLOT = 2048, TABLE = 8192, BUCKETS = 20000, BATCH = 32, CONTROL = 64 };

typedef int (*crypt_function)(void *session, void *packet, int *size);

struct item { /* one packet of the asset */
    int64_t due; /* microseconds from its beginning */
    uint32_t timestamp, offset, size;
    uint8_t kind, key, marker, unused;
};

struct asset {
    const struct item *items;
    const uint8_t *data;
    int count;
    int64_t length;       /* microseconds */
    int16_t table[TABLE]; /* sound by the hash of its payload */
};

struct sent {
    uint16_t number, size;
    uint8_t data[SLOT];
};

struct peer {
    int fd, call, role; /* role 0, 1: sends asset 0, 1; 2: only watches */
    struct sockaddr_in to;
    void *transmit, *receive;
    uint32_t ssrc[KINDS]; /* 0: it does not send that */
    uint8_t type[KINDS], shown; /* payload types: of what it sends, and of pictures that it is sent */
    uint16_t number[KINDS];
    uint32_t shift[KINDS]; /* of timestamps, per round through the asset */
    int64_t begun;
    int next, lost_before;
    struct sent *ring[KINDS];
    int64_t *sent_at; /* by item, on the wall clock */
    int64_t report_at;
    uint32_t packets, octets;
};

struct load {
    crypt_function protect, unprotect, protect_rtcp, unprotect_rtcp;
    struct asset assets[2];
    struct peer peers[PEERS];
    int count, poll;
    unsigned random;
    int loss; /* of 10,000 */
    volatile int stop;
    uint64_t sent, dropped, resent, received, decrypted, broken, plis, nacks, pictures;
    uint64_t delays[2][BUCKETS]; /* of sound, and of our own looking; by 10 microseconds, the last one is all above */
};

static int64_t now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000ll + time.tv_nsec / 1000;
}

/* The same clock as the kernel's stamps. */
static int64_t wall_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * 1000000ll + time.tv_nsec / 1000;
}

static void put32(uint8_t *at, uint32_t value) {
    value = htonl(value);
    memcpy(at, &value, 4);
}

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return ntohl(value);
}

static unsigned hash(const uint8_t *data, int size) {
    uint32_t value = 2166136261u;
    for (int i = 0; i < size && i < 64; i++) value = (value ^ data[i]) * 16777619u;
    return (value ^ value >> 16) & (TABLE - 1);
}

struct load *ld_open(void *protect, void *unprotect, void *protect_rtcp, void *unprotect_rtcp) {
    struct load *load = calloc(1, sizeof *load);
    if (!load) return NULL;
    load->protect = (crypt_function)protect, load->unprotect = (crypt_function)unprotect;
    load->protect_rtcp = (crypt_function)protect_rtcp, load->unprotect_rtcp = (crypt_function)unprotect_rtcp;
    load->poll = epoll_create1(EPOLL_CLOEXEC);
    load->random = 7;
    return load;
}

/* The memory stays the caller's. */
void ld_asset(struct load *load, int place, const struct item *items, int count, const uint8_t *data, int64_t length) {
    struct asset *asset = &load->assets[place];
    *asset = (struct asset){.items = items, .data = data, .count = count, .length = length};
    memset(asset->table, 0xFF, sizeof asset->table);
    for (int i = 0; i < count; i++)
        if (items[i].kind == SOUND) asset->table[hash(data + items[i].offset, (int)items[i].size)] = (int16_t)i;
}

int ld_peer(struct load *load, int fd, const char *host, int port, void *transmit, void *receive, int call, int role,
            uint32_t sound, uint32_t picture, uint32_t small, int sound_type, int picture_type, int shown_type) {
    if (load->count == PEERS) return -1;
    struct peer *peer = &load->peers[load->count];
    *peer = (struct peer){.fd = fd, .call = call, .role = role, .transmit = transmit, .receive = receive,
                          .ssrc = {sound, picture, small}, .shown = (uint8_t)shown_type,
                          .type = {(uint8_t)sound_type, (uint8_t)picture_type, (uint8_t)picture_type}};
    peer->to.sin_family = AF_INET, peer->to.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &peer->to.sin_addr);
    if (role < 2) {
        for (int kind = 0; kind < KINDS; kind++)
            if (peer->ssrc[kind]) peer->ring[kind] = calloc(RING, sizeof *peer->ring[kind]);
        peer->sent_at = calloc((size_t)load->assets[role].count, sizeof *peer->sent_at);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)load->count};
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int))) return -1;
    if (epoll_ctl(load->poll, EPOLL_CTL_ADD, fd, &event)) return -1;
    return load->count++;
}

static void post(struct peer *peer, const void *data, int size) {
    (void)!sendto(peer->fd, data, (size_t)size, MSG_DONTWAIT, (const void *)&peer->to, sizeof peer->to);
}

/* --- sending --- */

static void send_item(struct load *load, struct peer *peer, const struct asset *asset, int at) {
    const struct item *item = &asset->items[at];
    int kind = item->kind, size = 12 + (int)item->size;
    if (!peer->ssrc[kind]) return;
    uint16_t number = peer->number[kind]++;
    struct sent *place = &peer->ring[kind][number & (RING - 1)];
    uint8_t *data = place->data;
    data[0] = 0x80, data[1] = (uint8_t)(item->marker << 7 | peer->type[kind]);
    data[2] = (uint8_t)(number >> 8), data[3] = (uint8_t)number;
    put32(data + 4, item->timestamp + peer->shift[kind]);
    put32(data + 8, peer->ssrc[kind]);
    memcpy(data + 12, asset->data + item->offset, item->size);
    place->number = number;
    if (load->protect(peer->transmit, data, &size)) {
        load->broken++;
        return;
    }
    place->size = (uint16_t)size;
    peer->sent_at[at] = wall_us();
    peer->packets++, peer->octets += item->size;
    load->random = load->random * 1103515245u + 12345u;
    if ((int)((load->random >> 8) % 10000) < load->loss) {
        load->dropped++;
        return;
    }
    load->sent++;
    post(peer, data, size);
}

/* Timestamps go on by so many microseconds. */
static void shift(struct peer *peer, int64_t us) {
    for (int kind = 0; kind < KINDS; kind++) peer->shift[kind] += (uint32_t)(us * (kind == SOUND ? 48 : 90) / 1000);
}

static void send_due(struct load *load, struct peer *peer, int64_t now) {
    const struct asset *asset = &load->assets[peer->role];
    while (!load->stop) {
        if (peer->next == asset->count) {
            peer->next = 0;
            peer->begun += asset->length;
            shift(peer, asset->length);
        }
        if (peer->begun + asset->items[peer->next].due > now) return;
        send_item(load, peer, asset, peer->next++);
    }
}

/* A key frame is wanted: the asset begins anew, its timestamps go on from where they are. */
static void begin_anew(struct load *load, struct peer *peer, int64_t now) {
    int64_t passed = now - peer->begun;
    load->plis++;
    if (passed < 300000) return;
    passed -= passed % 100000; /* a multiple of both frame lengths */
    peer->begun += passed;
    shift(peer, passed);
    peer->next = 0;
}

static void report(struct load *load, struct peer *peer, int64_t now) {
    uint8_t data[128] = {0};
    struct timespec wall;
    peer->report_at = now + 1000000;
    if (peer->role == 2) {
        int size = 8;
        data[0] = 0x80, data[1] = 201, data[3] = 1;
        put32(data + 4, peer->ssrc[0]);
        if (!load->protect_rtcp(peer->transmit, data, &size)) post(peer, data, size);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    for (int kind = 0; kind < KINDS; kind++) {
        int size = 28;
        if (!peer->ssrc[kind]) continue;
        memset(data, 0, sizeof data);
        data[0] = 0x80, data[1] = 200, data[3] = 6;
        put32(data + 4, peer->ssrc[kind]);
        put32(data + 8, (uint32_t)(wall.tv_sec + 2208988800ll));
        put32(data + 12, (uint32_t)((double)wall.tv_nsec * 4.294967296));
        put32(data + 16, (uint32_t)((now - peer->begun) * (kind == SOUND ? 48 : 90) / 1000) + peer->shift[kind]);
        put32(data + 20, peer->packets);
        put32(data + 24, peer->octets);
        if (!load->protect_rtcp(peer->transmit, data, &size)) post(peer, data, size);
    }
}

/* --- taking --- */

static void resend(struct load *load, struct peer *peer, uint32_t ssrc, uint16_t number) {
    for (int kind = 0; kind < KINDS; kind++) {
        struct sent *place = peer->ring[kind] ? &peer->ring[kind][number & (RING - 1)] : NULL;
        if (place && peer->ssrc[kind] == ssrc && place->number == number && place->size) {
            post(peer, place->data, place->size);
            load->resent++;
        }
    }
}

static void feedback(struct load *load, struct peer *peer, uint8_t *data, int size, int64_t now) {
    if (load->unprotect_rtcp(peer->receive, data, &size)) {
        load->broken++;
        return;
    }
    for (int at = 0; at + 8 <= size;) {
        int end = at + 4 + 4 * (data[at + 2] << 8 | data[at + 3]), form = data[at] & 31;
        if (end > size) return;
        if (peer->role < 2 && data[at + 1] == 206 && (form == 1 || form == 4)) begin_anew(load, peer, now);
        for (int pair = at + 12; peer->role < 2 && data[at + 1] == 205 && form == 1 && pair + 4 <= end; pair += 4) {
            uint16_t number = (uint16_t)(data[pair] << 8 | data[pair + 1]);
            load->nacks++;
            resend(load, peer, get32(data + at + 8), number);
            for (int bit = 0; bit < 16; bit++)
                if ((data[pair + 2] << 8 | data[pair + 3]) >> bit & 1)
                    resend(load, peer, get32(data + at + 8), (uint16_t)(number + bit + 1));
        }
        at = end;
    }
}

static void note(uint64_t *delays, int64_t us) { delays[us < 0 ? 0 : us / 10 < BUCKETS ? us / 10 : BUCKETS - 1]++; }

/* `came`: by the kernel's stamp. */
static void measure(struct load *load, struct peer *peer, const uint8_t *payload, int size, int64_t came) {
    for (int role = 0; role < 2; role++) {
        const struct asset *asset = &load->assets[role];
        int at = asset->table[hash(payload, size)];
        if (at < 0 || asset->items[at].size != (uint32_t)size || memcmp(asset->data + asset->items[at].offset, payload, (size_t)size))
            continue;
        for (int i = 0; i < load->count; i++) {
            struct peer *sender = &load->peers[i];
            if (sender->call != peer->call || sender->role != role || !sender->sent_at[at]) continue;
            note(load->delays[0], came - sender->sent_at[at]);
            note(load->delays[1], wall_us() - came);
        }
        return;
    }
}

static void take(struct load *load, struct peer *peer, uint8_t *data, int size, int64_t now, int64_t came) {
    if (size < 12 || data[0] < 128 || data[0] > 191) return; /* STUN: nobody asks in vain for the time of a bench */
    if (data[1] > 191 && data[1] < 224) {
        feedback(load, peer, data, size, now);
        return;
    }
    int sound = size < 400;
    load->received++;
    if (data[1] == (0x80 | peer->shown)) load->pictures++; /* the last packet of one */
    if (!sound && load->received & 15) return;
    load->decrypted++;
    if (load->unprotect(peer->receive, data, &size)) load->broken++;
    else if (sound) {
        int start = 12 + 4 * (data[0] & 15);
        if (data[0] & 16) start += 4 + 4 * (data[start + 2] << 8 | data[start + 3]);
        measure(load, peer, data + start, size - start, came);
    }
}

static int64_t stamped(struct msghdr *head) {
    struct timespec time;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(head); one; one = CMSG_NXTHDR(head, one))
        if (one->cmsg_level == SOL_SOCKET && one->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&time, CMSG_DATA(one), sizeof time);
            return time.tv_sec * 1000000ll + time.tv_nsec / 1000;
        }
    return wall_us();
}

static void read_all(struct load *load, struct peer *peer) {
    static __thread uint8_t data[BATCH][SLOT];
    static __thread _Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL];
    struct mmsghdr heads[BATCH];
    struct iovec parts[BATCH];
    memset(heads, 0, sizeof heads);
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){data[i], SLOT};
        heads[i].msg_hdr.msg_iov = &parts[i], heads[i].msg_hdr.msg_iovlen = 1;
        heads[i].msg_hdr.msg_control = control[i], heads[i].msg_hdr.msg_controllen = CONTROL;
    }
    int count = recvmmsg(peer->fd, heads, BATCH, MSG_DONTWAIT, NULL);
    int64_t now = now_us();
    for (int i = 0; i < count; i++) take(load, peer, data[i], (int)heads[i].msg_len, now, stamped(&heads[i].msg_hdr));
}

/* Goes on until `stop` is set or `seconds` have passed. `loss`: of 10,000 packets sent. */
void ld_run(struct load *load, double seconds, int loss) {
    int64_t begun = now_us(), end = begun + (int64_t)(seconds * 1e6);
    struct epoll_event events[64];
    load->loss = loss;
    for (int i = 0; i < load->count; i++) /* not all at once */
        load->peers[i].begun = begun + i * 7919 % 100000, load->peers[i].report_at = begun + i * 104729 % 1000000;
    for (int64_t now = begun; now < end && !load->stop; now = now_us()) {
        for (int i = 0; i < load->count; i++) {
            if (load->peers[i].role < 2) send_due(load, &load->peers[i], now);
            if (load->peers[i].report_at <= now) report(load, &load->peers[i], now);
        }
        int count = epoll_wait(load->poll, events, 64, 1);
        for (int i = 0; i < count; i++) read_all(load, &load->peers[events[i].data.u32]);
    }
}

void ld_stop(struct load *load) { load->stop = 1; }

/* sent, dropped, resent, received, decrypted, broken, plis, nacks, pictures; then the two histograms; clears these. */
void ld_results(struct load *load, uint64_t figures[9], uint64_t delays[2 * BUCKETS]) {
    uint64_t all[9] = {load->sent,   load->dropped, load->resent, load->received, load->decrypted,
                       load->broken, load->plis,    load->nacks,  load->pictures};
    memcpy(figures, all, sizeof all);
    memcpy(delays, load->delays, sizeof load->delays);
    memset(load->delays, 0, sizeof load->delays);
}

/* In place of cryptography, for the floor: a tag of 16 bytes that says nothing. */
int ld_no_protect(void *session, void *packet, int *size) {
    (void)session;
    memset((uint8_t *)packet + *size, 0, 16);
    *size += 16;
    return 0;
}

int ld_no_unprotect(void *session, void *packet, int *size) {
    (void)session, (void)packet;
    *size -= 16;
    return *size < 8;
}
