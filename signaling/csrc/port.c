/* Datagrams in: the thread, the way of each datagram to its leg, and SRTP. */

#define _GNU_SOURCE
#include "core.h"
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

/* --- addresses and claims --- */

static void read_address(const struct sockaddr_storage *from, struct address *address) {
    memset(address, 0, sizeof *address);
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const void *)from;
        address->family = 6, address->port = ntohs(six->sin6_port), address->scope = six->sin6_scope_id;
        memcpy(address->ip, &six->sin6_addr, 16);
    } else {
        const struct sockaddr_in *four = (const void *)from;
        address->family = 4, address->port = ntohs(four->sin_port);
        memcpy(address->ip, &four->sin_addr, 4);
    }
}

socklen_t write_address(const struct address *address, struct sockaddr_storage *to) {
    memset(to, 0, sizeof *to);
    if (address->family == 6) {
        struct sockaddr_in6 *six = (void *)to;
        six->sin6_family = AF_INET6, six->sin6_port = htons(address->port), six->sin6_scope_id = address->scope;
        memcpy(&six->sin6_addr, address->ip, 16);
        return sizeof *six;
    }
    struct sockaddr_in *four = (void *)to;
    four->sin_family = AF_INET, four->sin_port = htons(address->port);
    memcpy(&four->sin_addr, address->ip, 4);
    return sizeof *four;
}

struct claim **find_claim(struct core *core, int socket, const struct address *address) {
    uint32_t hash = 2166136261u ^ (uint32_t)socket;
    const uint8_t *bytes = (const uint8_t *)address;
    for (size_t i = 0; i < sizeof *address; i++) hash = (hash ^ bytes[i]) * 16777619u;
    struct claim **place = &core->claims[(hash ^ hash >> 15) & (BUCKETS - 1)];
    while (*place && ((*place)->socket != socket || memcmp(&(*place)->address, address, sizeof *address)))
        place = &(*place)->following;
    return place;
}

/* --- what comes --- */

static void to_python(struct core *core, int type, int socket, uint32_t id, double now, const void *front,
                      int front_size, const void *data, int size) {
    struct record head = {.type = (uint16_t)type, .socket = (uint16_t)socket, .id = id, .now = now};
    if (!hand_packet(core, &core->urgent, head, front, front_size, data, size)) core->counters[HANDOVER_FULL]++;
}

/* Whether it reports and asks for nothing (RFC 3550 section 6): every packet of the compound is of one of these kinds. */
static int only_reports(const uint8_t *data, int size) {
    int at = 0;
    while (at + 4 <= size && data[at + 1] >= SENDER_REPORT && data[at + 1] <= DESCRIPTION)
        at += 4 + 4 * (data[at + 2] << 8 | data[at + 3]);
    return at >= size;
}

static void control(struct core *core, struct leg *leg, uint8_t *data, int size, double now) {
    uint32_t reporter = read32(data + 4);
    int known = 0;
    for (int i = 0; i < leg->reporter_count; i++) known |= leg->reporters[i] == reporter;
    if (!known && leg->reporter_count == REPORTERS) {
        core->counters[TOO_MANY_REPORTERS]++;
    } else if (core->unprotect_rtcp(leg->receive, data, &size)) {
        core->counters[RTCP_FORGED]++;
    } else {
        if (!known) leg->reporters[leg->reporter_count++] = reporter;
        leg->view.heard = now;
        struct record head = {.type = RTCP, .id = leg->id, .now = now, .a = only_reports(data, size)};
        if (!hand_packet(core, &core->urgent, head, NULL, 0, data, size)) core->counters[HANDOVER_FULL]++;
    }
}

static void media(struct core *core, struct leg *leg, uint8_t *data, int size, double now) {
    uint32_t ssrc = read32(data + 8);
    int at = 0;
    while (at < leg->stream_count && leg->streams[at].ssrc != ssrc) at++;
    if (at == STREAMS) {
        core->counters[TOO_MANY_STREAMS]++;
        return;
    }
    if (core->unprotect(leg->receive, data, &size)) {
        core->counters[RTP_FORGED]++;
        return;
    }
    leg->view.heard = now;
    if (at == leg->stream_count) { /* libsrtp remembers it for good, so do we */
        leg->streams[at].ssrc = ssrc;
        leg->streams[at].flow = NULL;
        leg->stream_count++;
    }
    if (leg->translates) data[1] = (data[1] & 0x80) | leg->types_in[data[1] & 0x7F];
    if (leg->streams[at].flow) flow_packet(core, core->outbox, leg->streams[at].flow, data, size, now);
    else to_python(core, RTP, 0, leg->id, now, NULL, 0, data, size);
}

/* What strangers send is handed over while Python has read most of it, checks and handshakes of those who are in while it
 * has read half: the rest of the room is for what these say of their media. */
static int crowded(struct ring *ring, int stranger) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return atomic_load_explicit(&ring->head, memory_order_relaxed) - tail > ring->size / (stranger ? 4 : 2);
}

/* RFC 7983 section 7; as UdpPort._sort and PeerLeg.media in Python. */
static void sort(struct core *core, int socket, const struct sockaddr_storage *from, uint8_t *data, int size, double now) {
    struct address address;
    int first = size ? data[0] : 255;
    if (!(first < 4 || (first > 19 && first < 64) || (first > 127 && first < 192))) {
        core->counters[UNKNOWN_PROTOCOL]++;
        return;
    }
    read_address(from, &address);
    struct claim *claim = *find_claim(core, socket, &address);
    if (claim && first > 3) claim->heard = now;
    if (first < 64) { /* claimed or not: the check that claims it may be before it on its way to Python */
        if (crowded(&core->urgent, !claim)) core->counters[HANDOVER_FULL]++;
        else to_python(core, DATAGRAM, socket, 0, now, &address, sizeof address, data, size);
        return;
    }
    if (!claim) {
        core->counters[UNCLAIMED]++;
        return;
    }
    struct leg *leg = claim->leg;
    if (!leg->receive) core->counters[TOO_EARLY]++;
    else if (size < 12) core->counters[TOO_SHORT]++;
    else if (data[1] > 191 && data[1] < 224) control(core, leg, data, size, now);
    else media(core, leg, data, size, now);
}

/* One batch; the number of datagrams that came. `now` below 0: the clock's. */
static int receive_batch(struct core *core, int socket, double now) {
    struct inbox *box = core->inbox;
    int count = recvmmsg(core->sockets[socket].fd, box->heads, BATCH, MSG_DONTWAIT, NULL);
    if (count <= 0) {
        if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) core->counters[RECEIVE_FAILED]++;
        return 0;
    }
    if (now < 0) {
        struct timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        now = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
    }
    for (int i = 0; atomic_load(&core->wanted) && i < 100; i++) sched_yield();
    pthread_mutex_lock(&core->lock);
    for (int i = 0; i < count; i++)
        if (box->heads[i].msg_hdr.msg_flags & MSG_TRUNC) core->counters[TOO_LARGE]++;
        else sort(core, socket, &box->from[i], box->data[i], (int)box->heads[i].msg_len, now);
    pthread_mutex_unlock(&core->lock);
    for (int i = 0; i < count; i++) box->heads[i].msg_hdr.msg_namelen = sizeof box->from[i]; /* the kernel shortened it */
    flush(core, core->outbox);
    return count;
}

/* Short turns, which the kernel (Linux 6.12 and later) answers with early ones: a packet does not wait for the end of a
   turn of Python on the same core. And a larger part than others get, where the process has the right to ask for it; not
   real time, for then a flood would leave the core to nobody else. What is not granted or not known changes nothing. */
static void go_first(void) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
        uint32_t least, most;
    } wanted = {.size = sizeof wanted, .runtime = 100 * 1000}; /* nanoseconds: the least there is */
    int nice = getpriority(PRIO_PROCESS, 0);
    wanted.nice = nice < NICE ? nice : NICE;
    if (!syscall(SYS_sched_setattr, 0, &wanted, 0)) return;
    wanted.nice = nice;
    if (syscall(SYS_sched_setattr, 0, &wanted, 0)) {} /* then as all others */
}

static void *run(void *argument) {
    struct core *core = argument;
    struct epoll_event events[SOCKETS];
    prctl(PR_SET_NAME, "kinbridge-media");
    go_first();
    while (atomic_load(&core->running)) {
        int count = epoll_wait(core->poll, events, SOCKETS, -1);
        if (count < 0 && errno != EINTR) break;
        for (int i = 0; i < count; i++)
            if (events[i].data.u32 < SOCKETS)
                for (int turn = 0; turn < 4 && receive_batch(core, (int)events[i].data.u32, -1) == BATCH; turn++) {}
    }
    return NULL;
}

/* Reads all sockets until they are empty, at second `now`: what the thread does, for tests. */
void kb_step(struct core *core, double now) {
    for (int i = 0; i < core->socket_count; i++)
        while (receive_batch(core, i, now) > 0) {}
}

static int watch(struct core *core, int fd, uint32_t mark) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = mark};
    return epoll_ctl(core->poll, EPOLL_CTL_ADD, fd, &event);
}

/* The socket's number; -1: too many, or none of ours. */
int kb_socket(struct core *core, int fd) {
    if (core->socket_count == SOCKETS || watch(core, fd, (uint32_t)core->socket_count)) return -1;
    core->sockets[core->socket_count].fd = fd;
    return core->socket_count++;
}

int kb_start(struct core *core) {
    atomic_store(&core->running, 1);
    if (watch(core, core->stop, SOCKETS) || pthread_create(&core->thread, NULL, run, core)) {
        atomic_store(&core->running, 0);
        return -1;
    }
    return 0;
}

void kb_stop(struct core *core) {
    uint64_t one = 1;
    if (!atomic_exchange(&core->running, 0)) return;
    if (write(core->stop, &one, sizeof one) == sizeof one) pthread_join(core->thread, NULL);
}
