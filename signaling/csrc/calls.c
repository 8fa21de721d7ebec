/* What Python calls (signaling/native.py). Every call takes the lock; none of them blocks for longer than the
   thread needs for one batch. */

#define _GNU_SOURCE
#include "core.h"
#include "port.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void enter(struct core *core) {
    atomic_fetch_add(&core->wanted, 1);
    pthread_mutex_lock(&core->lock);
    atomic_fetch_sub(&core->wanted, 1);
}

static void leave(struct core *core) { pthread_mutex_unlock(&core->lock); }

/* As leave, then sends what the call made. */
static void leave_and_send(struct core *core) {
    leave(core);
    flush(core, core->python_outbox);
}

/* --- the core --- */

/* A fingerprint of the sources, so that a library left over from others is not used (signaling/library.py). */
const char *kb_sources(void) { return KINBRIDGE_SOURCES; }

const char *kb_counter_names(void) {
    return "unclaimed unknown-protocol srtp-too-early srtp-too-short rtp-too-many-streams "
           "rtcp-too-many-reporters srtp-forged srtcp-forged rtp-payload-type rtp-too-late rtp-duplicate "
           "seal-failed send-nowhere send-full send-failed receive-failed too-large handover-full copy-full";
}

/* Stands for cryptography where the bench measures what is left without it: a tag of 16 zero bytes. */
int kb_no_protect(void *session, void *packet, int *size) {
    (void)session;
    memset((uint8_t *)packet + *size, 0, 16);
    *size += 16;
    return 0;
}

int kb_no_unprotect(void *session, void *packet, int *size) {
    (void)session, (void)packet;
    *size -= 16;
    return *size < 8;
}

void kb_stop(struct core *);

void kb_close(struct core *core) {
    if (!core) return;
    kb_stop(core);
    for (int i = 0; i < BUCKETS; i++)
        while (core->claims[i]) {
            struct claim *claim = core->claims[i];
            core->claims[i] = claim->following;
            free(claim);
        }
    if (core->poll >= 0) close(core->poll);
    if (core->stop >= 0) close(core->stop);
    if (core->wake >= 0) close(core->wake);
    free(core->urgent.data), free(core->copies.data);
    free(core->inbox), free(core->outbox), free(core->python_outbox);
    pthread_mutex_destroy(&core->lock);
    free(core);
}

/* The sizes of the rings must be powers of two. NULL: no memory or no descriptors. */
struct core *kb_open(void *protect, void *unprotect, void *protect_rtcp, void *unprotect_rtcp, uint64_t urgent,
                     uint64_t copies) {
    struct core *core = calloc(1, sizeof *core);
    if (!core) return NULL;
    pthread_mutex_init(&core->lock, NULL);
    core->protect = (crypt_function)protect, core->unprotect = (crypt_function)unprotect;
    core->protect_rtcp = (crypt_function)protect_rtcp, core->unprotect_rtcp = (crypt_function)unprotect_rtcp;
    core->urgent.data = malloc(core->urgent.size = urgent);
    core->copies.data = malloc(core->copies.size = copies);
    core->inbox = calloc(1, sizeof *core->inbox);
    core->outbox = calloc(1, sizeof *core->outbox);
    core->python_outbox = calloc(1, sizeof *core->python_outbox);
    core->poll = epoll_create1(EPOLL_CLOEXEC);
    core->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    core->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (core->urgent.data && core->copies.data && core->inbox && core->outbox && core->python_outbox &&
        core->poll >= 0 && core->stop >= 0 && core->wake >= 0) {
        memset(core->urgent.data, 0, urgent); /* all of it is taken now: no page faults in a call */
        memset(core->copies.data, 0, copies);
        for (int i = 0; i < BATCH; i++) {
            struct inbox *box = core->inbox;
            box->parts[i] = (struct iovec){box->data[i], LARGEST};
            box->heads[i].msg_hdr = (struct msghdr){.msg_name = &box->from[i],
                                                    .msg_namelen = sizeof box->from[i],
                                                    .msg_iov = &box->parts[i],
                                                    .msg_iovlen = 1};
        }
        return core;
    }
    kb_close(core);
    return NULL;
}

int kb_wake_descriptor(struct core *core) { return core->wake; }

/* Call it before reading the rings: what comes from now on wakes again. */
void kb_awake(struct core *core) {
    uint64_t count;
    if (read(core->wake, &count, sizeof count) < 0) {} /* nothing to read: it was woken by its own beat */
    atomic_store(&core->woken, 0);
}

uint8_t *kb_ring(struct core *core, int copies, uint64_t *size) {
    struct ring *ring = copies ? &core->copies : &core->urgent;
    *size = ring->size;
    return ring->data;
}

uint64_t kb_ring_head(struct core *core, int copies) {
    return atomic_load_explicit(copies ? &core->copies.head : &core->urgent.head, memory_order_acquire);
}

void kb_ring_done(struct core *core, int copies, uint64_t tail) {
    atomic_store_explicit(copies ? &core->copies.tail : &core->urgent.tail, tail, memory_order_release);
}

/* What was counted since the last call. */
void kb_counters(struct core *core, uint64_t counters[COUNTERS]) {
    for (int i = 0; i < COUNTERS; i++) counters[i] = atomic_exchange(&core->counters[i], 0);
}

/* --- legs --- */

struct leg *kb_leg(uint32_t id) {
    struct leg *leg = calloc(1, sizeof *leg);
    if (leg) leg->id = id, leg->fd = -1;
    return leg;
}

/* NULL, NULL: the keys are about to go. */
void kb_leg_keys(struct core *core, struct leg *leg, void *receive, void *send) {
    enter(core);
    leg->receive = receive, leg->send = send;
    leave(core);
}

void kb_leg_types(struct core *core, struct leg *leg, const uint8_t *in, const uint8_t *out) {
    enter(core);
    leg->translates = 1;
    memcpy(leg->types_in, in, 128);
    memcpy(leg->types_out, out, 128);
    leave(core);
}

/* `socket` -1: nowhere. */
void kb_leg_path(struct core *core, struct leg *leg, int socket, const struct address *address) {
    enter(core);
    leg->fd = socket < 0 ? -1 : core->sockets[socket].fd;
    if (socket >= 0) leg->to_size = write_address(address, &leg->to);
    leave(core);
}

void kb_leg_bind(struct core *core, struct leg *leg, uint32_t ssrc, struct inflow *flow) {
    enter(core);
    int at = 0;
    while (at < leg->stream_count && leg->streams[at].ssrc != ssrc) at++;
    if (at < STREAMS) {
        leg->streams[at].ssrc = ssrc;
        leg->streams[at].flow = flow;
        if (at == leg->stream_count) leg->stream_count++;
    }
    leave(core);
}

/* From now on the thread knows nothing of the leg; its flows must have been ended. */
void kb_leg_close(struct core *core, struct leg *leg) {
    enter(core);
    leg->receive = leg->send = NULL;
    leg->fd = -1;
    leg->stream_count = 0;
    for (int i = 0; i < BUCKETS; i++)
        for (struct claim **place = &core->claims[i]; *place;) {
            struct claim *claim = *place;
            if (claim->leg == leg) *place = claim->following, free(claim);
            else place = &claim->following;
        }
    leave(core);
}

void kb_leg_free(struct leg *leg) { free(leg); }

void kb_claim(struct core *core, int socket, const struct address *address, struct leg *leg, double now) {
    enter(core);
    struct claim **place = find_claim(core, socket, address);
    if (!*place && (*place = calloc(1, sizeof **place))) {
        (*place)->address = *address;
        (*place)->socket = socket;
    }
    if (*place) (*place)->leg = leg, (*place)->heard = now;
    leave(core);
}

/* Only if it is still this leg's. */
void kb_release(struct core *core, int socket, const struct address *address, struct leg *leg) {
    enter(core);
    struct claim **place = find_claim(core, socket, address);
    if (*place && (*place)->leg == leg) {
        struct claim *claim = *place;
        *place = claim->following;
        free(claim);
    }
    leave(core);
}

/* When something last came from there; below 0: it is nobody's. */
double kb_heard(struct core *core, int socket, const struct address *address) {
    enter(core);
    struct claim *claim = *find_claim(core, socket, address);
    double heard = claim ? claim->heard : -1;
    leave(core);
    return heard;
}

void kb_send_rtp(struct core *core, struct leg *leg, const uint8_t head[12], const uint8_t *packet, int size) {
    enter(core);
    seal_rtp(core, core->python_outbox, leg, head, packet, size);
    leave_and_send(core);
}

void kb_send_rtcp(struct core *core, struct leg *leg, const uint8_t *packet, int size) {
    enter(core);
    seal_rtcp(core, core->python_outbox, leg, packet, size);
    leave_and_send(core);
}

/* --- flows --- */

struct inflow *kb_inflow(uint32_t id, int video, int clock, int payload_type) {
    struct inflow *flow = calloc(1, sizeof *flow);
    if (!flow) return NULL;
    flow->id = id, flow->video = video, flow->clock = clock;
    flow->view.payload_type = payload_type;
    flow->view.last_packet = -INFINITY;
    flow->view.highest = -1;
    return flow;
}

void kb_inflow_begin(struct core *core, struct inflow *flow) {
    enter(core);
    flow_begin(flow);
    leave(core);
}

/* `recovered`: it came out of a retransmission. Packets shorter than a header are not for here. */
void kb_inflow_packet(struct core *core, struct inflow *flow, const uint8_t *packet, int size, double now, int recovered) {
    enter(core);
    (recovered ? flow_recovered : flow_packet)(core, core->python_outbox, flow, packet, size, now);
    leave_and_send(core);
}

/* Copies the packet of that number; its size, or 0 when it is not there any more. */
int kb_inflow_kept(struct core *core, struct inflow *flow, int64_t number, uint8_t packet[SLOT]) {
    enter(core);
    struct kept *kept = flow_kept(flow, number);
    int size = kept ? kept->length : 0;
    if (kept) memcpy(packet, kept->data, kept->length);
    leave(core);
    return size;
}

void kb_inflow_view(struct core *core, struct inflow *flow, struct inflow_view *view) {
    enter(core);
    *view = flow->view;
    leave(core);
}

void kb_inflow_end(struct core *core, struct inflow *flow) {
    enter(core);
    flow_end(flow);
    leave(core);
}

/* When Python has lost sight of it: nothing points to it any more, or all that does goes with it. */
void kb_inflow_free(struct inflow *flow) {
    if (!flow) return;
    for (int i = 0; flow->ring && i < KEPT; i++) free(flow->ring[i].data);
    free(flow->ring);
    free(flow->outs);
    free(flow);
}

struct outflow *kb_outflow(struct leg *leg, uint32_t id, int video, int clock, uint32_t ssrc, int64_t sequence,
                           uint32_t timestamp) {
    struct outflow *flow = calloc(1, sizeof *flow);
    if (!flow) return NULL;
    flow->id = id, flow->ssrc = ssrc, flow->video = video, flow->clock = clock, flow->leg = leg;
    flow->view.newest = -1;
    flow->view.last_sequence = sequence;
    flow->view.last_timestamp = timestamp;
    flow->last_sent = -1;
    return flow;
}

/* `seamless`: only at the next key frame of `source`. */
void kb_outflow_take(struct core *core, struct outflow *flow, struct inflow *source, int seamless) {
    enter(core);
    (seamless ? flow_change : flow_take)(flow, source);
    leave(core);
}

void kb_outflow_free(struct outflow *flow) { free(flow); }
