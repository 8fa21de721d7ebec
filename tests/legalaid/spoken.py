"""Recordings as browsers make them: silence, really coded."""

import io

import av
import numpy as np


def recording(
    seconds: float, container: str = "webm", codec: str = "libopus", *, picture: bool = False
) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=48000)
        assert isinstance(stream, av.AudioStream)
        if picture:
            video = out.add_stream("libvpx", rate=5)
            assert isinstance(video, av.VideoStream)
            video.width, video.height = 64, 48
        frames = round(seconds * 50)
        for number in range(frames):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 960), dtype=np.int16), format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = 48000, number * 960
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if picture:
            still = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), dtype=np.uint8), format="rgb24")
            out.mux(video.encode(still))
            out.mux(video.encode(None))
    return file.getvalue()
