/* Inflows and outflows, line by line as in rooms/plain.py: whoever changes one changes both
   (tests/signaling/test_contract.py compares what comes out). All of it runs under the lock. */

#define _GNU_SOURCE
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* --- where a decoder can begin: rooms.rtp --- */

/* rooms.rtp.payload_span; 0 for a broken packet. */
static int payload_span(const uint8_t *packet, int size, int *start, int *end) {
    if (size < 12 || packet[0] >> 6 != 2) return 0;
    *start = 12 + 4 * (packet[0] & 0x0F);
    if (packet[0] & 0x10) {
        if (size < *start + 4) return 0;
        *start += 4 + 4 * (packet[*start + 2] << 8 | packet[*start + 3]);
    }
    *end = packet[0] & 0x20 ? size - packet[size - 1] : size;
    return !(*start > size || *end < *start || (packet[0] & 0x20 && !packet[size - 1]));
}

static int begins_vp8(const uint8_t *packet, int start, int end) {
    int at = start + 1;
    if (!(packet[start] & 0x10) || packet[start] & 0x07) return 0;
    if (packet[start] & 0x80) {
        if (at >= end) return 0;
        int extra = packet[at++];
        if (extra & 0x80) at += at < end && packet[at] & 0x80 ? 2 : 1;
        at += !!(extra & 0x40) + !!(extra & 0x30);
    }
    return at < end && !(packet[at] & 1);
}

static int is_start(int unit) { return unit == 7 || unit == 5; } /* parameter set, or slice of an IDR picture */

static int begins_h264(const uint8_t *packet, int start, int end) {
    int unit = packet[start] & 0x1F;
    if (unit == 28) return start + 1 < end && packet[start + 1] & 0x80 && is_start(packet[start + 1] & 0x1F);
    if (unit != 24) return is_start(unit);
    for (int at = start + 1; at + 2 < end; at += 2 + (packet[at] << 8 | packet[at + 1]))
        if (is_start(packet[at + 2] & 0x1F)) return 1;
    return 0;
}

int begins_keyframe(const uint8_t *packet, int size, int payload_type) {
    int start, end;
    if (!payload_span(packet, size, &start, &end) || start >= end) return 0;
    if (payload_type == VP8) return begins_vp8(packet, start, end);
    return payload_type == H264 && begins_h264(packet, start, end);
}

/* --- outflow --- */

static void leave(struct outflow *out, struct inflow *in) {
    for (int i = 0; in && i < in->out_count; i++)
        if (in->outs[i] == out) {
            memmove(in->outs + i, in->outs + i + 1, (size_t)(--in->out_count - i) * sizeof *in->outs);
            return;
        }
}

static int enter(struct outflow *out, struct inflow *in) {
    if (in->out_count == in->out_room) {
        int room = in->out_room ? 2 * in->out_room : 4;
        struct outflow **outs = realloc(in->outs, (size_t)room * sizeof *outs);
        if (!outs) return 0;
        in->outs = outs, in->out_room = room;
    }
    in->outs[in->out_count++] = out;
    return 1;
}

void flow_take(struct outflow *out, struct inflow *source) {
    leave(out, out->source);
    leave(out, out->next);
    out->source = out->next = NULL;
    out->view.changing = 0;
    out->view.waiting = source != NULL;
    if (source && enter(out, source)) out->source = source;
}

void flow_change(struct outflow *out, struct inflow *source) {
    if (!out->source) {
        flow_take(out, source);
        return;
    }
    leave(out, out->next);
    out->next = NULL;
    if (source != out->source && enter(out, source)) out->next = source;
    out->view.changing = out->next != NULL;
}

static void out_begin(struct outflow *out, int64_t number, uint32_t timestamp, double now) {
    struct outflow_view *view = &out->view;
    double passed = out->last_sent < 0 || now - out->last_sent < FRAME ? FRAME : now - out->last_sent;
    view->waiting = 0;
    view->first = number;
    view->newest = -1;
    view->sequence_shift = view->last_sequence + 1 - number;
    view->timestamp_shift = view->last_timestamp + (uint32_t)(int64_t)(passed * out->clock) - timestamp;
}

static void forward(struct core *core, struct outbox *box, struct inflow *in, struct outflow *out,
                    const uint8_t *packet, int size, int64_t number, uint32_t timestamp, double now, int key) {
    struct outflow_view *view = &out->view;
    if (in != out->source) { /* the key frame of the layer that it waits for */
        if (!key) return;
        leave(out, out->source);
        out->source = in;
        out->next = NULL;
        view->changing = 0;
        view->waiting = 1;
    }
    int begins = view->waiting;
    if (begins) {
        if (out->video && !key) return;
        out_begin(out, number, timestamp, now);
    } else if (number < view->first) {
        return;
    }
    int64_t sequence = number + view->sequence_shift;
    timestamp += view->timestamp_shift;
    if (number > view->newest) {
        view->newest = number;
        view->last_sequence = sequence;
        view->last_timestamp = timestamp;
        out->last_sent = now;
    }
    uint8_t head[12] = {packet[0], packet[1], (uint8_t)(sequence >> 8), (uint8_t)sequence};
    write32(head + 4, timestamp);
    write32(head + 8, out->ssrc);
    seal_rtp(core, box, out->leg, head, packet, size);
    view->packets++;
    view->octets += size - 12;
    if (begins) hand_over(core, BEGAN, out->id, now, 0, 0);
}

/* --- inflow --- */

struct kept *flow_kept(struct inflow *in, int64_t number) {
    struct kept *place = in->ring ? in->ring + (number & (KEPT - 1)) : NULL;
    return place && place->number == number && place->data ? place : NULL;
}

static void keep(struct inflow *in, int64_t number, const uint8_t *packet, int size) {
    if (size > LARGEST) return; /* could not be sent anyway */
    if (!in->ring) {
        in->ring = calloc(KEPT, sizeof *in->ring);
        if (!in->ring) return;
    }
    struct kept *place = in->ring + (number & (KEPT - 1));
    if (place->room < size || place->room > size + SPARE) { /* the last packets of pictures are small, and many */
        int room = (size + 15) & ~15;
        free(place->data);
        place->data = malloc((size_t)room);
        place->room = place->data ? (uint16_t)room : 0;
        if (!place->data) return;
    }
    memcpy(place->data, packet, (size_t)size);
    place->length = (uint16_t)size;
    place->number = number;
}

void flow_end(struct inflow *in) {
    for (int i = 0; in->ring && i < KEPT; i++) free(in->ring[i].data);
    free(in->ring);
    in->ring = NULL;
    while (in->out_count) {
        struct outflow *out = in->outs[in->out_count - 1];
        if (out->next == in) leave(out, in), out->next = NULL, out->view.changing = 0;
        else flow_take(out, out->next);
    }
}

static int64_t missing(const struct inflow_view *view) {
    int64_t lost = view->highest >= 0 ? view->highest - view->first + 1 - view->received : 0;
    return lost > 0 ? lost : 0;
}

static void restart(struct inflow *in) {
    for (int i = 0; i < in->out_count; i++)
        if (in->outs[i]->source == in) in->outs[i]->view.waiting = 1;
    in->view.key_wanted = in->video;
}

void flow_begin(struct inflow *in) {
    struct inflow_view *view = &in->view;
    view->lost_before += missing(view);
    for (int i = 0; in->ring && i < KEPT; i++) in->ring[i].number = -1;
    view->highest = -1;
    view->first = view->received = view->arrived = 0;
    view->transit = 0;
    view->jitter = 0;
    restart(in);
}

static void measure(struct inflow *in, uint32_t timestamp, double now) {
    uint32_t transit = (uint32_t)(int64_t)(now * in->clock) - timestamp;
    int64_t difference = (int32_t)(transit - in->view.transit);
    if (difference < 0) difference = -difference;
    in->view.transit = transit;
    if (in->view.received && difference < 10 * in->clock)
        in->view.jitter += ((double)difference - in->view.jitter) / 16;
}

static int late(struct core *core, struct inflow *in, int64_t number, double now) {
    if (number < in->view.first || number <= in->view.highest - JUMP) {
        core->counters[TOO_LATE]++;
        return 0;
    }
    if (flow_kept(in, number)) {
        core->counters[DUPLICATE]++;
        return 0;
    }
    hand_over(core, CAME_LATE, in->id, now, number, 0);
    return 1;
}

static void take_in(struct core *core, struct outbox *box, struct inflow *in, int64_t number, uint32_t timestamp,
                    const uint8_t *packet, int size, double now) {
    struct inflow_view *view = &in->view;
    view->received++;
    view->packets++;
    view->octets += size;
    view->last_packet = now;
    keep(in, number, packet, size);
    int key = 0;
    if (view->key_wanted) {
        key = begins_keyframe(packet, size, view->payload_type);
        view->key_wanted = !key;
    }
    for (int i = 0; i < in->out_count; i++)
        forward(core, box, in, in->outs[i], packet, size, number, timestamp, now, key);
    if (view->copying) {
        struct record head = {.type = COPY, .id = in->id, .now = now};
        if (!hand_packet(core, &core->copies, head, NULL, 0, packet, size)) core->counters[COPY_FULL]++;
    }
}

static int64_t extend(int sequence, int64_t highest) {
    return highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000;
}

void flow_packet(struct core *core, struct outbox *box, struct inflow *in, const uint8_t *packet, int size, double now) {
    struct inflow_view *view = &in->view;
    if ((packet[1] & 0x7F) != view->payload_type) {
        core->counters[PAYLOAD_TYPE]++;
        return;
    }
    int sequence = packet[2] << 8 | packet[3];
    int64_t highest = view->highest, number;
    int skipped = 0;
    if (highest < 0) {
        number = view->highest = view->first = sequence + 0x10000;
    } else if ((number = extend(sequence, highest)) > highest) {
        skipped = number != highest + 1;
        if (number - highest - 1 > JUMP) {
            view->lost_before += missing(view);
            view->first = number;
            view->received = view->arrived = 0;
            restart(in);
        }
        view->highest = number;
    } else if (!late(core, in, number, now)) {
        return;
    }
    uint32_t timestamp = read32(packet + 4);
    measure(in, timestamp, now);
    view->arrived++;
    take_in(core, box, in, number, timestamp, packet, size, now);
    if (skipped) hand_over(core, SKIPPED, in->id, now, highest + 1, number);
}

void flow_recovered(struct core *core, struct outbox *box, struct inflow *in, const uint8_t *packet, int size,
                    double now) {
    if (in->view.highest < 0) return;
    int64_t number = extend(packet[2] << 8 | packet[3], in->view.highest);
    if (number <= in->view.highest && late(core, in, number, now))
        take_in(core, box, in, number, read32(packet + 4), packet, size, now);
}
