"""The native back-end's library: whether it is there, was built from these sources, and loads.

It is plain C, opened by cffi at run time: nothing of Python is needed to build it, so any C compiler will do
(`signaling.building`), and where there is none the relay runs in Python.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any, Literal

from cffi import FFI
from pylibsrtp import Session, _binding

from core.errors import Misconfigured
from signaling.building import LIBRARY, fingerprint

Wanted = Literal["auto", "python", "native"]

_CALLS = """
struct address { uint16_t family, port; uint32_t scope; uint8_t ip[16]; };
struct inflow_view {
    int64_t highest, first, received, arrived, packets, octets, lost_before;
    double last_packet, jitter;
    uint32_t transit;
    int32_t payload_type, key_wanted, copying;
};
struct outflow_view {
    int64_t first, newest, sequence_shift, last_sequence, packets, octets;
    uint32_t timestamp_shift, last_timestamp;
    int32_t waiting, changing;
};
struct leg_view { double heard; };
typedef struct core core;

const char *kb_sources(void);
const char *kb_counter_names(void);
int kb_no_protect(void *session, void *packet, int *size);
int kb_no_unprotect(void *session, void *packet, int *size);
core *kb_open(void *protect, void *unprotect, void *protect_rtcp, void *unprotect_rtcp, uint64_t urgent,
              uint64_t copies);
void kb_close(core *);
int kb_wake_descriptor(core *);
void kb_awake(core *);
uint8_t *kb_ring(core *, int copies, uint64_t *size);
uint64_t kb_ring_head(core *, int copies);
void kb_ring_done(core *, int copies, uint64_t tail);
void kb_counters(core *, uint64_t *counters);
int kb_socket(core *, int fd);
int kb_start(core *);
void kb_stop(core *);
void kb_step(core *, double now);

struct leg_view *kb_leg(uint32_t id);
void kb_leg_keys(core *, struct leg_view *, void *receive, void *send);
void kb_leg_types(core *, struct leg_view *, const uint8_t *in, const uint8_t *out);
void kb_leg_path(core *, struct leg_view *, int socket, const struct address *);
void kb_leg_bind(core *, struct leg_view *, uint32_t ssrc, struct inflow_view *);
void kb_leg_close(core *, struct leg_view *);
void kb_leg_free(struct leg_view *);
void kb_claim(core *, int socket, const struct address *, struct leg_view *, double now);
void kb_release(core *, int socket, const struct address *, struct leg_view *);
double kb_heard(core *, int socket, const struct address *);
void kb_send_rtp(core *, struct leg_view *, const uint8_t *head, const uint8_t *packet, int size);
void kb_send_rtcp(core *, struct leg_view *, const uint8_t *packet, int size);

struct inflow_view *kb_inflow(uint32_t id, int video, int clock, int payload_type);
void kb_inflow_begin(core *, struct inflow_view *);
void kb_inflow_packet(core *, struct inflow_view *, const uint8_t *packet, int size, double now, int recovered);
int kb_inflow_kept(core *, struct inflow_view *, int64_t number, uint8_t *packet);
void kb_inflow_view(core *, struct inflow_view *, struct inflow_view *view);
void kb_inflow_end(core *, struct inflow_view *);
void kb_inflow_free(struct inflow_view *);
struct outflow_view *kb_outflow(struct leg_view *, uint32_t id, int video, int clock, uint32_t ssrc,
                                int64_t sequence, uint32_t timestamp);
void kb_outflow_take(core *, struct outflow_view *, struct inflow_view *source, int seamless);
void kb_outflow_free(struct outflow_view *);
"""

_factory: Any = FFI  # it is untyped
ffi = _factory()
ffi.cdef(_CALLS)


_srtp: Any = _binding  # see tests/signaling/test_peer_contract.py for what we use of it


class Unusable(Exception):
    """Why the native back-end cannot be used, in words."""


@functools.cache
def load() -> Any:
    """The library, with the calls above. Raises `Unusable`."""
    if not LIBRARY.exists():
        raise Unusable("was not built: there was no C compiler when Kinbridge was installed")
    try:
        library = ffi.dlopen(str(LIBRARY))
        built = ffi.string(library.kb_sources()).decode()
    except (OSError, AttributeError) as error:
        raise Unusable(f"cannot be loaded: {error}") from error
    if built != fingerprint():
        raise Unusable("was built from other sources: install Kinbridge again")
    return library


def chosen(wanted: Wanted) -> tuple[Any | None, str]:
    """The library, or `None` for the Python back-end, and the reason. Raises `Misconfigured` for `native` alone."""
    if wanted == "python":
        return None, "as configured"
    try:
        return load(), "as configured" if wanted == "native" else "found"
    except Unusable as problem:
        if wanted == "native":
            raise Misconfigured(problem=f"KINBRIDGE_MEDIA_BACKEND: the native relay {problem}") from problem
        return None, f"the native one {problem}"


def functions(library: Any, *, encrypted: bool) -> list[Any]:
    """Protect, unprotect, and both for RTCP: libsrtp's, out of the wheel that aiortc brings, or none."""
    if not encrypted:
        return [library.kb_no_protect, library.kb_no_unprotect] * 2
    names = ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")
    return [_pointer(_srtp.ffi.addressof(_srtp.lib, name)) for name in names]


def owned(made: Any, free: Callable[[Any], None]) -> Any:
    """Something of the library's that is freed with its last reference, but not while the interpreter goes down:
    then references end in any order. Raises `MemoryError`."""
    if made == ffi.NULL:
        raise MemoryError("the native relay has no memory")

    def end(handle: Any) -> None:
        if not sys.is_finalizing():
            free(handle)

    return ffi.gc(made, end)


def context(session: Session) -> Any:
    """Libsrtp's own handle of a session, which must outlive it."""
    return _pointer(session._srtp[0])  # noqa: SLF001 - see tests/signaling/test_peer_contract.py


def _pointer(theirs: Any) -> Any:
    """A pointer of pylibsrtp's cffi as one of ours."""
    return ffi.cast("void *", int(_srtp.ffi.cast("uintptr_t", theirs)))
