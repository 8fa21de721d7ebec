/* The native half of the relay: the same flows as rooms/plain.py, in a thread outside the interpreter lock.

   Python decides, this executes: see rooms/flows.py for what the names mean, docs/decisions/0010-native-relay.md
   for why. There is no cryptography here; libsrtp's functions come as pointers from the wheel that aiortc brings.

   One lock guards everything below, libsrtp's sessions included. It is held for the work on one batch of
   datagrams, never during a system call. Structures named *_view begin those that Python reads without the lock:
   each member is written whole, and Python takes members that belong together by a call. */

#ifndef KINBRIDGE_CORE_H
#define KINBRIDGE_CORE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    BATCH = 64,      /* datagrams per recvmmsg */
    OUTS = 256,      /* packets per sendmmsg */
    TOGETHER = 16,   /* packets to one peer that the kernel takes as one (UDP_SEGMENT, Linux 4.18 and later) */
    FITS = 1232,     /* bytes of a datagram that every way takes whole (RFC 8200 section 5); larger ones go alone */
    SLOT = 2048,     /* bytes of a buffer: a datagram, tags and what libsrtp needs to spare */
    LARGEST = 1600,  /* bytes of a datagram that is looked at */
    STREAMS = 16,    /* SSRCs per leg, as rooms.relay counts them */
    REPORTERS = 32,  /* SSRCs of reports per leg */
    SOCKETS = 64,    /* local addresses */
    BUCKETS = 4096,  /* of the table of claims */
    KEPT = 512,      /* packets remembered per stream: rooms.history.SIZE */
    SPARE = 512,     /* bytes that a remembered packet may take more than it needs */
    JUMP = 500,      /* rooms.flows.JUMP */
    NICE = -10,      /* of the thread */
    VP8 = 96,
    H264 = 98,
    SENDER_REPORT = 200, /* kinds of RTCP (RFC 3550 section 12.1), those between them among the reports */
    DESCRIPTION = 202,
};
#define FRAME (1.0 / 50) /* rooms.flows.FRAME */

/* What is handed to Python. */
enum { SKIP_TO_START, DATAGRAM, RTP, RTCP, SKIPPED, CAME_LATE, BEGAN, COPY };

/* Counters; kb_counter_names tells how Python calls them. */
enum {
    UNCLAIMED, UNKNOWN_PROTOCOL, TOO_EARLY, TOO_SHORT, TOO_MANY_STREAMS, TOO_MANY_REPORTERS, RTP_FORGED,
    RTCP_FORGED, PAYLOAD_TYPE, TOO_LATE, DUPLICATE, SEAL_FAILED, SEND_NOWHERE, SEND_FULL, SEND_FAILED,
    RECEIVE_FAILED, TOO_LARGE, HANDOVER_FULL, COPY_FULL, COUNTERS
};

typedef int (*crypt_function)(void *session, void *packet, int *size); /* libsrtp 2: 0 is success */

struct address { /* as Python writes and reads it */
    uint16_t family, port; /* 4 or 6; host order */
    uint32_t scope;
    uint8_t ip[16];
};

struct record { /* head of what lies in a ring; `length` bytes follow, `size` is all of it, rounded up to 8 */
    uint32_t size;
    uint16_t type, socket;
    uint32_t id, length;
    double now;
    int64_t a, b;
};

struct ring { /* one writer (under the lock), one reader (the event loop) */
    uint8_t *data;
    uint64_t size; /* a power of two */
    _Atomic uint64_t head, tail;
};

struct inflow_view {
    int64_t highest, first, received, arrived, packets, octets, lost_before;
    double last_packet, jitter;
    uint32_t transit; /* RFC 3550 appendix A.8 */
    int32_t payload_type, key_wanted, copying;
};

struct outflow_view {
    int64_t first, newest, sequence_shift, last_sequence, packets, octets;
    uint32_t timestamp_shift, last_timestamp;
    int32_t waiting, changing;
};

struct leg_view {
    double heard; /* the last authentic packet */
};

struct kept {
    int64_t number;
    uint16_t length, room;
    uint8_t *data;
};

struct outflow;

struct inflow {
    struct inflow_view view;
    uint32_t id;
    int video, clock, out_count, out_room;
    struct outflow **outs;
    struct kept *ring; /* KEPT of them; made with the first packet */
};

struct leg {
    struct leg_view view;
    uint32_t id;
    void *receive, *send; /* libsrtp's sessions */
    int fd;               /* of the nominated path; -1: none */
    struct sockaddr_storage to;
    socklen_t to_size;
    struct {
        uint32_t ssrc;
        struct inflow *flow; /* NULL: goes to Python */
    } streams[STREAMS];
    uint32_t reporters[REPORTERS];
    int stream_count, reporter_count, translates;
    struct message *last; /* in an outbox, and in which filling of it; others may have been sent since */
    uint64_t filling;
    uint8_t types_in[128], types_out[128];
};

struct outflow {
    struct outflow_view view;
    uint32_t id, ssrc;
    int video, clock;
    double last_sent; /* below 0: never */
    struct leg *leg;
    struct inflow *source, *next;
};

struct claim {
    struct address address;
    int socket;
    struct leg *leg;
    double heard;
    struct claim *following;
};

struct message { /* packets to one peer that the kernel takes as one: all of one size, the last may be smaller */
    int fd;
    struct sockaddr_storage to;
    struct iovec parts[TOGETHER];
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
};

struct outbox { /* packets made under the lock, sent after it */
    int count, packets;
    uint64_t filling; /* unique */
    struct mmsghdr heads[OUTS];
    struct message messages[OUTS];
    uint8_t data[OUTS][SLOT];
};

struct inbox {
    struct mmsghdr heads[BATCH];
    struct iovec parts[BATCH];
    struct sockaddr_storage from[BATCH];
    uint8_t data[BATCH][SLOT];
};

struct core {
    pthread_mutex_t lock;
    atomic_int wanted; /* Python waits for the lock: the thread lets it in first */
    pthread_t thread;
    atomic_int running;
    int poll, stop, wake; /* epoll, and two eventfds: to the thread, to Python */
    atomic_int woken;
    crypt_function protect, unprotect, protect_rtcp, unprotect_rtcp;
    struct {
        int fd;
    } sockets[SOCKETS];
    int socket_count;
    struct claim *claims[BUCKETS];
    struct ring urgent, copies;
    struct inbox *inbox;                   /* the thread's */
    struct outbox *outbox, *python_outbox; /* the thread's, and that of calls from Python */
    uint64_t fillings;
    atomic_int alone; /* the kernel does not take packets together */
    _Atomic uint64_t counters[COUNTERS];
};

/* flows.c */
void flow_packet(struct core *, struct outbox *, struct inflow *, const uint8_t *, int size, double now);
void flow_recovered(struct core *, struct outbox *, struct inflow *, const uint8_t *, int size, double now);
void flow_begin(struct inflow *);
void flow_end(struct inflow *);
struct kept *flow_kept(struct inflow *, int64_t number);
void flow_take(struct outflow *, struct inflow *);
void flow_change(struct outflow *, struct inflow *);
int begins_keyframe(const uint8_t *packet, int size, int payload_type);

/* post.c */
void hand_over(struct core *, int type, uint32_t id, double now, int64_t a, int64_t b);
int hand_packet(
    struct core *, struct ring *, struct record, const void *front, int front_size, const void *data, int size);
void seal_rtp(struct core *, struct outbox *, struct leg *, const uint8_t head[12], const uint8_t *, int size);
void seal_rtcp(struct core *, struct outbox *, struct leg *, const uint8_t *, int size);
void flush(struct core *, struct outbox *);
void wake_python(struct core *);

static inline uint32_t read32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void write32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24), at[1] = (uint8_t)(value >> 16), at[2] = (uint8_t)(value >> 8), at[3] = (uint8_t)value;
}

#endif
