/* The ways out: to Python by two rings, to peers by libsrtp and sendmmsg. */

#define _GNU_SOURCE
#include "core.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

/* --- to Python --- */

void wake_python(struct core *core) {
    uint64_t one = 1;
    if (!atomic_exchange(&core->woken, 1) && write(core->wake, &one, sizeof one) < 0) atomic_store(&core->woken, 0);
}

/* Appends a record; 0 when the ring is full: whoever reads too slowly loses, nobody waits. */
int hand_packet(struct core *core, struct ring *ring, struct record head, const void *front, int front_size,
                const void *data, int size) {
    uint64_t at = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t whole = (sizeof head + (uint64_t)(front_size + size) + 7) & ~7ull;
    uint64_t rest = ring->size - (at & (ring->size - 1));
    uint64_t padding = rest < whole ? rest : 0; /* a record never wraps */
    uint64_t behind = (padding ? ring->size : rest) - whole;
    if (behind < sizeof head) whole += behind; /* what is left before the end can always hold a head */
    if (at + padding + whole - tail > ring->size) return 0;
    if (padding) {
        uint32_t mark[2] = {(uint32_t)padding, SKIP_TO_START};
        memcpy(ring->data + (at & (ring->size - 1)), mark, sizeof mark);
        at += padding;
    }
    uint8_t *place = ring->data + (at & (ring->size - 1));
    head.size = (uint32_t)whole;
    head.length = (uint32_t)(front_size + size);
    memcpy(place, &head, sizeof head);
    if (front_size) memcpy(place + sizeof head, front, (size_t)front_size);
    if (size) memcpy(place + sizeof head + front_size, data, (size_t)size);
    atomic_store_explicit(&ring->head, at + whole, memory_order_release);
    /* Copies, what only takes a number from a list, and reports wait for the event loop's own beat, unless they become
       many. */
    int waits = ring == &core->copies || head.type == CAME_LATE || (head.type == RTCP && head.a);
    if (!waits || at + whole - tail > ring->size / 4) wake_python(core);
    return 1;
}

void hand_over(struct core *core, int type, uint32_t id, double now, int64_t a, int64_t b) {
    struct record head = {.type = (uint16_t)type, .id = id, .now = now, .a = a, .b = b};
    if (!hand_packet(core, &core->urgent, head, NULL, 0, NULL, 0)) core->counters[HANDOVER_FULL]++;
}

/* --- to peers --- */

static uint8_t *next_slot(struct core *core, struct outbox *box) {
    if (box->packets == OUTS) flush(core, box); /* rare: a batch that fans out four times */
    return box->data[box->packets];
}

/* Whether a packet of that size goes on with what was last made for the leg: the pieces of a picture are of one size. */
static int goes_on(struct core *core, struct outbox *box, struct leg *leg, size_t size) {
    if (leg->filling != box->filling || atomic_load_explicit(&core->alone, memory_order_relaxed)) return 0;
    struct msghdr *head = &box->heads[leg->last - box->messages].msg_hdr;
    size_t first = head->msg_iov[0].iov_len, last = head->msg_iov[head->msg_iovlen - 1].iov_len;
    return last == first && size <= first && first <= FITS && head->msg_iovlen < TOGETHER;
}

static void post(struct core *core, struct outbox *box, struct leg *leg, int size) {
    if (leg->fd < 0) {
        core->counters[SEND_NOWHERE]++;
        return;
    }
    if (!box->count) box->filling = ++core->fillings;
    struct iovec part = {box->data[box->packets++], (size_t)size};
    if (goes_on(core, box, leg, part.iov_len)) {
        leg->last->parts[box->heads[leg->last - box->messages].msg_hdr.msg_iovlen++] = part;
        return;
    }
    struct message *message = leg->last = &box->messages[box->count];
    leg->filling = box->filling;
    message->fd = leg->fd;
    memcpy(&message->to, &leg->to, leg->to_size);
    message->parts[0] = part;
    box->heads[box->count++].msg_hdr = (struct msghdr){
        .msg_name = &message->to, .msg_namelen = leg->to_size, .msg_iov = message->parts, .msg_iovlen = 1};
}

void seal_rtp(struct core *core, struct outbox *box, struct leg *leg, const uint8_t head[12], const uint8_t *packet,
              int size) {
    if (!leg->send) return;
    if (size > LARGEST || size < 12) {
        core->counters[SEAL_FAILED]++;
        return;
    }
    uint8_t *slot = next_slot(core, box);
    memcpy(slot, head, 12);
    memcpy(slot + 12, packet + 12, (size_t)size - 12);
    if (leg->translates) slot[1] = (slot[1] & 0x80) | leg->types_out[slot[1] & 0x7F];
    if (core->protect(leg->send, slot, &size)) core->counters[SEAL_FAILED]++;
    else post(core, box, leg, size);
}

void seal_rtcp(struct core *core, struct outbox *box, struct leg *leg, const uint8_t *packet, int size) {
    if (!leg->send) return;
    if (size > LARGEST) {
        core->counters[SEAL_FAILED]++;
        return;
    }
    uint8_t *slot = next_slot(core, box);
    memcpy(slot, packet, (size_t)size);
    if (core->protect_rtcp(leg->send, slot, &size)) core->counters[SEAL_FAILED]++;
    else post(core, box, leg, size);
}

/* Tells the kernel where to cut. */
static void mark(struct outbox *box) {
    for (int i = 0; i < box->count; i++) {
        struct msghdr *head = &box->heads[i].msg_hdr;
        if (head->msg_iovlen < 2) continue;
        head->msg_control = box->messages[i].control;
        head->msg_controllen = sizeof box->messages[i].control;
        struct cmsghdr *control = CMSG_FIRSTHDR(head);
        control->cmsg_level = SOL_UDP, control->cmsg_type = UDP_SEGMENT;
        control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t size = (uint16_t)head->msg_iov[0].iov_len;
        memcpy(CMSG_DATA(control), &size, sizeof size);
    }
}

static void refused(struct core *core, int error) {
    core->counters[error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ? SEND_FULL : SEND_FAILED]++;
}

/* The packets of a message one by one, for a kernel or a device that does not take them together. */
static void send_alone(struct core *core, struct message *message, struct msghdr head) {
    size_t count = head.msg_iovlen;
    head.msg_control = NULL, head.msg_controllen = 0, head.msg_iovlen = 1;
    for (size_t i = 0; i < count; i++) {
        head.msg_iov = &message->parts[i];
        while (sendmsg(message->fd, &head, MSG_DONTWAIT) < 0)
            if (errno != EINTR) {
                refused(core, errno);
                break;
            }
    }
}

/* Sends what is in the box. What the kernel does not take is dropped and counted. */
void flush(struct core *core, struct outbox *box) {
    int at = 0;
    mark(box);
    while (at < box->count) {
        int end = at + 1;
        while (end < box->count && box->messages[end].fd == box->messages[at].fd) end++;
        int sent = sendmmsg(box->messages[at].fd, box->heads + at, (unsigned)(end - at), MSG_DONTWAIT);
        if (sent > 0) {
            at += sent;
        } else if (errno != EINTR) {
            struct msghdr *head = &box->heads[at].msg_hdr;
            int together = head->msg_iovlen > 1;
            if (together && (errno == EINVAL || errno == EIO || errno == EOPNOTSUPP)) {
                atomic_store(&core->alone, 1);
                send_alone(core, &box->messages[at], *head);
            } else {
                refused(core, errno);
            }
            at++;
        }
    }
    box->count = box->packets = 0;
    box->filling = 0;
}
