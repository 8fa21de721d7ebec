"""Counts faces with OpenCV and the cascade that its package brings: the extra `faces`. Nothing is fetched, no face is
recognised or kept."""

from pathlib import Path

import cv2
import cv2.data

from recording.stills import Grey

_CASCADE = "haarcascade_frontalface_alt2.xml"
_STEP, _NEIGHBOURS = 1.1, 5  # between two sizes that are tried; how many finds make a face
_LEAST = 1 / 9  # of the picture's height: somebody far behind is no third person in the call


class Faces:
    """Implements `recording.stills.FaceCounter`. Raises `ImportError` where the cascade does not lie in the package."""

    def __init__(self) -> None:
        path = Path(cv2.data.haarcascades) / _CASCADE
        self._cascade = cv2.CascadeClassifier(str(path))
        if self._cascade.empty():
            raise ImportError(str(path))

    def count(self, picture: Grey) -> int:
        least = max(24, int(picture.shape[0] * _LEAST))
        even = cv2.equalizeHist(picture)
        found = self._cascade.detectMultiScale(even, _STEP, _NEIGHBOURS, minSize=(least, least))
        return len(found)
