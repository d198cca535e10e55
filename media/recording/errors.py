"""What can be wrong with a recording. The texts are for people; none holds a key or content."""

from media.errors import MediaError


class RecordingError(MediaError):
    """Base of everything a recording or a piece of evidence can be refused for."""


class MissingKeyError(RecordingError):
    """There is no key for the recording: it was deleted, or the master key is not in the key ring."""


class WrongKeyError(RecordingError):
    """A key was found but does not open the recording: it belongs to another one, or it was changed."""


class TamperedError(RecordingError):
    """Bytes of the recording are not those that were written: changed, exchanged or cut out."""


class FormatError(RecordingError):
    """Not a recording of ours, or of a version this program does not know."""


class CancelledError(RecordingError):
    """The one who asked for the work does not want it any more."""
