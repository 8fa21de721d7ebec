/* The local search of the weekly assignment: insertion with ejection chains, by simulated annealing, block by block.

   Step for step what scheduler/assign/chains.py does, so that the same seed gives the same plan with and without a
   compiler: every random number comes from tables that Python draws, or from the integers of splitmix64; floating
   point is only added, multiplied and compared. A test compares the two.

   A request has columns (ways to be served), a column takes one of each of its rows, a row holds so many.
   One thread. Nothing here allocates after kb_search_open. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NONE (-1)
#define TABLE 65536 /* numbers in each random table; a power of two */

const char *kb_search_sources(void) { return KINBRIDGE_SOURCES; }

struct problem { /* as scheduler/assign/native.py declares it; all of it stays Python's */
    int32_t requests, columns, rows, blocks, width, depth, levels;
    const int32_t *first;      /* request -> its first column; one more than there are requests */
    const int32_t *place;      /* column -> where its rows begin in `row`; one more than there are columns */
    const int32_t *row;
    const int32_t *capacity;   /* row -> how much it holds */
    const int32_t *block;      /* request -> its block */
    const int64_t *value;      /* column -> what it is worth */
    const double *reduced;     /* column -> its value less the prices of its rows */
    const double *attraction;  /* column -> how much the prices speak for it */
    const double *noise;       /* TABLE and as many more as a request may have columns */
    const double *passing;     /* TABLE numbers from 0.5 to 1.5 */
    const double *patience;    /* TABLE exponential numbers */
    const double *temperature; /* block x levels */
};

struct search {
    struct problem of;
    int32_t *slack, *held, *users, *offset;    /* by row: what is left, how many users, the users, where they begin */
    int32_t *chosen, *unserved, *position;     /* request -> column; by block: the unserved; request -> its place there */
    int32_t *begins, *waiting;                 /* block -> where its unserved begin, how many there are */
    int32_t *before, *stamp, *changed;         /* since the best: request -> its column then */
    int32_t *settled;                          /* request -> the last chain that put it */
    int32_t *log_request, *log_column;         /* what the chain did: a column taken, or ~column left */
    int32_t *out, *out_column;                 /* whom the chain ejected, from where */
    int32_t changes, epoch, chain, logged, outs;
    uint32_t passed, awaited;                  /* places in `passing` and `patience` */
    uint64_t seed;
    int64_t total;
};

static uint64_t draw(struct search *s) {
    uint64_t z = (s->seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void note(struct search *s, int32_t request) {
    if (s->stamp[request] == s->epoch) return;
    s->stamp[request] = s->epoch;
    s->before[request] = s->chosen[request];
    s->changed[s->changes++] = request;
}

static void put(struct search *s, int32_t request, int32_t column) {
    const struct problem *p = &s->of;
    note(s, request);
    s->chosen[request] = column;
    s->total += p->value[column];
    for (int32_t i = p->place[column]; i < p->place[column + 1]; i++) {
        int32_t row = p->row[i];
        s->slack[row]--;
        s->users[s->offset[row] + s->held[row]++] = request;
    }
    int32_t block = p->block[request], *unserved = s->unserved + s->begins[block];
    int32_t last = unserved[--s->waiting[block]];
    unserved[s->position[request]] = last;
    s->position[last] = s->position[request];
}

static int32_t take_out(struct search *s, int32_t request) {
    const struct problem *p = &s->of;
    int32_t column = s->chosen[request];
    note(s, request);
    s->chosen[request] = NONE;
    s->total -= p->value[column];
    for (int32_t i = p->place[column]; i < p->place[column + 1]; i++) {
        int32_t row = p->row[i], *users = s->users + s->offset[row], at = 0;
        s->slack[row]++;
        while (users[at] != request) at++;
        users[at] = users[--s->held[row]];
    }
    int32_t block = p->block[request];
    s->position[request] = s->waiting[block];
    s->unserved[s->begins[block] + s->waiting[block]++] = request;
    return column;
}

static void log_put(struct search *s, int32_t request, int32_t column) {
    s->log_request[s->logged] = request;
    s->log_column[s->logged++] = column;
    s->settled[request] = s->chain;
    put(s, request, column);
}

static void undo(struct search *s) {
    while (s->logged) {
        int32_t request = s->log_request[--s->logged], column = s->log_column[s->logged];
        if (column >= 0) take_out(s, request);
        else put(s, request, ~column);
    }
}

static int32_t full_rows(const struct search *s, int32_t column) {
    int32_t full = 0;
    for (int32_t i = s->of.place[column]; i < s->of.place[column + 1]; i++) full += s->slack[s->of.row[i]] <= 0;
    return full;
}

static int is_free(const struct search *s, int32_t column) {
    for (int32_t i = s->of.place[column]; i < s->of.place[column + 1]; i++)
        if (s->slack[s->of.row[i]] <= 0) return 0;
    return 1;
}

/* The free column with the greatest reduced value, or NONE. */
static int32_t best_free(const struct search *s, int32_t request) {
    int32_t best = NONE;
    for (int32_t c = s->of.first[request]; c < s->of.first[request + 1]; c++)
        if ((best == NONE || s->of.reduced[c] > s->of.reduced[best]) && is_free(s, c)) best = c;
    return best;
}

/* The column with the best sum of price, chance and few ejections. */
static int32_t tempting(const struct search *s, int32_t request, uint32_t chance) {
    const struct problem *p = &s->of;
    int32_t first = p->first[request], best = first;
    double most = 0;
    for (int32_t c = first; c < p->first[request + 1]; c++) {
        double score = p->attraction[c] + p->noise[chance + (uint32_t)(c - first)] - full_rows(s, c);
        if (c == first || score > most) most = score, best = c;
    }
    return best;
}

/* Ejects who is in the way of `column`, cheapest in passing, and nobody whom this chain has settled.
   0 where somebody settled cannot be passed: then nobody is ejected. */
static int eject(struct search *s, int32_t column) {
    const struct problem *p = &s->of;
    int32_t from = s->outs;
    for (int32_t i = p->place[column]; i < p->place[column + 1]; i++) {
        int32_t row = p->row[i], *users = s->users + s->offset[row], pick = NONE, freed = 0;
        double least = 0;
        if (s->slack[row] > 0) continue;
        for (int32_t u = 0; u < s->held[row] && !freed; u++)
            for (int32_t o = from; o < s->outs; o++) freed |= s->out[o] == users[u];
        if (freed) continue;
        for (int32_t u = 0; u < s->held[row]; u++) {
            if (s->settled[users[u]] == s->chain) continue;
            double worth = p->value[s->chosen[users[u]]] * p->passing[s->passed++ % TABLE];
            if (pick == NONE || worth < least) least = worth, pick = users[u];
        }
        if (pick == NONE) {
            s->outs = from;
            return 0;
        }
        s->out[s->outs++] = pick;
    }
    for (int32_t o = from; o < s->outs; o++) {
        int32_t left = take_out(s, s->out[o]);
        s->log_request[s->logged] = s->out[o];
        s->log_column[s->logged++] = ~left;
        s->out_column[o] = left;
        for (int32_t a = o; a > from && p->value[s->out_column[a - 1]] < p->value[s->out_column[a]]; a--) {
            int32_t one = s->out[a], two = s->out_column[a];
            s->out[a] = s->out[a - 1], s->out_column[a] = s->out_column[a - 1];
            s->out[a - 1] = one, s->out_column[a - 1] = two;
        }
    }
    return 1;
}

/* Puts the ejected wherever they find a free column; answers the weightiest who finds none, or NONE. */
static int32_t resettle(struct search *s) {
    int32_t worst = NONE;
    int64_t most = -1;
    for (int32_t o = 0; o < s->outs; o++) {
        int32_t request = s->out[o];
        if (s->chosen[request] != NONE) continue;
        int32_t column = best_free(s, request);
        if (column != NONE) log_put(s, request, column);
        else if (s->of.value[s->out_column[o]] > most) most = s->of.value[s->out_column[o]], worst = request;
    }
    return worst;
}

static void step(struct search *s, int32_t request, double temperature) {
    int64_t before = s->total;
    s->chain++, s->logged = 0, s->outs = 0;
    for (int32_t deep = 0; deep < s->of.depth && request != NONE; deep++) {
        int32_t column = best_free(s, request);
        if (column == NONE) {
            column = tempting(s, request, (uint32_t)(draw(s) % TABLE));
            if (!eject(s, column)) break;
        }
        log_put(s, request, column);
        request = resettle(s);
        if (s->total >= before) break;
    }
    int64_t loss = before - s->total;
    if (loss > 0 && (double)loss >= temperature * s->of.patience[s->awaited++ % TABLE]) undo(s);
}

static void restore(struct search *s) {
    int32_t changes = s->changes;
    for (int32_t i = 0; i < changes; i++) {
        int32_t request = s->changed[i];
        if (s->chosen[request] != NONE && s->chosen[request] != s->before[request]) take_out(s, request);
    }
    for (int32_t i = 0; i < changes; i++) {
        int32_t request = s->changed[i];
        if (s->chosen[request] != s->before[request]) put(s, request, s->before[request]);
    }
}

static void forget(struct search *s) { s->epoch++, s->changes = 0; }

/* Runs `steps` steps on the unserved of one block and goes back to the best plan seen; answers its value. */
int64_t kb_search_run(struct search *s, int32_t block, int64_t steps) {
    const int32_t *unserved = s->unserved + s->begins[block];
    int64_t best = s->total;
    forget(s);
    for (int64_t n = 0; n < steps && s->waiting[block]; n++) {
        double temperature = s->of.temperature[block * s->of.levels + n * s->of.levels / steps];
        uint64_t chance = draw(s) >> 32;
        step(s, unserved[chance * (uint64_t)s->waiting[block] >> 32], temperature);
        if (s->total > best) best = s->total, forget(s);
    }
    restore(s);
    forget(s);
    return s->total;
}

void kb_search_close(struct search *s) {
    if (s == NULL) return;
    void *mine[] = {s->slack, s->held, s->users, s->offset, s->chosen, s->unserved, s->position, s->begins, s->waiting,
                    s->before, s->stamp, s->changed, s->settled, s->log_request, s->log_column, s->out, s->out_column};
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) free(mine[i]);
    free(s);
}

static int32_t *numbers(int64_t count) { return calloc((size_t)count + 1, sizeof(int32_t)); }

static int allocate(struct search *s, int64_t seats) {
    const struct problem *p = &s->of;
    int64_t ejected = (int64_t)p->depth * p->width;
    s->slack = numbers(p->rows), s->held = numbers(p->rows), s->offset = numbers(p->rows), s->users = numbers(seats);
    s->chosen = numbers(p->requests), s->unserved = numbers(p->requests), s->position = numbers(p->requests);
    s->before = numbers(p->requests), s->stamp = numbers(p->requests), s->changed = numbers(p->requests);
    s->settled = numbers(p->requests), s->begins = numbers(p->blocks), s->waiting = numbers(p->blocks);
    s->log_request = numbers(2 * ejected + p->depth), s->log_column = numbers(2 * ejected + p->depth);
    s->out = numbers(ejected), s->out_column = numbers(ejected);
    return s->slack && s->held && s->offset && s->users && s->chosen && s->unserved && s->position && s->before &&
           s->stamp && s->changed && s->settled && s->begins && s->waiting && s->log_request && s->log_column &&
           s->out && s->out_column;
}

/* A search that stands at the plan `chosen` (request -> column or NONE). NULL: no memory. */
struct search *kb_search_open(const struct problem *p, const int32_t *chosen, uint64_t seed) {
    struct search *s = calloc(1, sizeof *s);
    int64_t seats = 0;
    if (s == NULL) return NULL;
    s->of = *p;
    s->seed = seed;
    s->epoch = 1;
    for (int32_t row = 0; row < p->rows; row++) seats += p->capacity[row];
    if (!allocate(s, seats)) {
        kb_search_close(s);
        return NULL;
    }
    for (int32_t row = 0, at = 0; row < p->rows; at += p->capacity[row++])
        s->slack[row] = p->capacity[row], s->offset[row] = at;
    for (int32_t r = 0; r < p->requests; r++) s->begins[p->block[r] + 1]++;
    for (int32_t b = 0; b < p->blocks; b++) s->begins[b + 1] += s->begins[b];
    for (int32_t r = 0; r < p->requests; r++) {
        int32_t block = p->block[r];
        s->chosen[r] = NONE;
        if (p->first[r] == p->first[r + 1]) continue; /* nobody can serve it */
        s->position[r] = s->waiting[block];
        s->unserved[s->begins[block] + s->waiting[block]++] = r;
    }
    for (int32_t r = 0; r < p->requests; r++)
        if (chosen[r] != NONE) put(s, r, chosen[r]);
    return s;
}

void kb_search_chosen(const struct search *s, int32_t *chosen) {
    memcpy(chosen, s->chosen, (size_t)s->of.requests * sizeof *chosen);
}
