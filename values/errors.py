"""The one tree of errors and the one table from error to HTTP status.

    ServiceError                     500  internal
    ├── BadRequest                   400  bad_request            the body is not what the protocol says
    ├── NotAuthenticated             401  not_authenticated      basic auth missing or wrong
    ├── NoSuchRoute                  404  no_such_route          there is no such path
    ├── RequestTooSlow               408  request_too_slow       a request that takes too long to come
    ├── BodyTooLarge                 413  body_too_large
    ├── BadLabelConfig               422  bad_label_config       XML that cannot be read
    ├── BadPrompt                    422  bad_prompt             a prompt without usable geometry
    ├── ImageError                   422  image_error
    │   ├── ImageMissing             404  image_missing          no such image, or the task names none
    │   ├── ImageForbidden           403  image_forbidden        a place images may not come from
    │   ├── ImageUnauthorized        502  image_unauthorized     Label Studio or the host wants a token
    │   ├── ImageUnreachable         502  image_unreachable      no connection, or an error of the host
    │   ├── ImageTimeout             504  image_timeout          too slow
    │   ├── ImageTooLarge            413  image_too_large        bytes or pixels
    │   ├── NotAnImage               415  not_an_image           a page, a video, an unlisted format
    │   ├── ImageCorrupt             422  image_corrupt          an image that does not decode
    │   └── ImageDiffers             422  image_differs          another shape than the editor shows
    ├── ModelError                   503  model_error            a model that cannot be loaded or run
    │   └── DeviceFailed             503  device_failed          what computes failed, whatever it was given
    │       └── OutOfMemory          503  out_of_memory          memory is short where it computes
    ├── OtherVersion                 503  other_version          a replica of another model's version
    ├── NotKept                      503  not_kept               an embedding that cannot be kept
    ├── Overloaded                   503  overloaded             too much is waiting; try again
    └── DeadlineExceeded             504  deadline_exceeded      the answer would come too late

``detail`` is a sentence that names the thing, the place and the remedy. It is shown to users, so it never
holds a token, a password or a query string.
"""

from __future__ import annotations

from collections.abc import Iterator

from values.one_line import sentence


class ServiceError(Exception):
    """Any other failure of this service. The root of the tree."""

    status = 500
    code = "internal"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)

    @property
    def detail(self) -> str:
        """The sentence for the user, on one line of bounded length, whatever a client named."""
        return sentence(str(self.args[0]))


class BadRequest(ServiceError):
    """The body is not JSON, or not what the protocol says."""

    status = 400
    code = "bad_request"


class NotAuthenticated(ServiceError):
    """Basic auth is configured and the request did not pass it."""

    status = 401
    code = "not_authenticated"


class NoSuchRoute(ServiceError):
    """There is no such path."""

    status = 404
    code = "no_such_route"


class RequestTooSlow(ServiceError):
    """A request that takes too long to arrive."""

    status = 408
    code = "request_too_slow"


class BodyTooLarge(ServiceError):
    """The request body is over the limit."""

    status = 413
    code = "body_too_large"


class BadLabelConfig(ServiceError):
    """The labeling config is not XML that may be read."""

    status = 422
    code = "bad_label_config"


class BadPrompt(ServiceError):
    """A prompt whose geometry cannot be used."""

    status = 422
    code = "bad_prompt"


class ImageError(ServiceError):
    """Any other failure between a task's value and its pixels."""

    status = 422
    code = "image_error"


class ImageMissing(ImageError):
    """The task names no image, or the place it names has none."""

    status = 404
    code = "image_missing"


class ImageForbidden(ImageError):
    """Images may not come from this place."""

    status = 403
    code = "image_forbidden"


class ImageUnauthorized(ImageError):
    """The host requires credentials, which were missing or not accepted."""

    status = 502
    code = "image_unauthorized"


class ImageUnreachable(ImageError):
    """No connection to the host, or an error from it."""

    status = 502
    code = "image_unreachable"


class ImageTimeout(ImageError):
    """The image did not arrive or decode in time."""

    status = 504
    code = "image_timeout"


class ImageTooLarge(ImageError):
    """More bytes or more pixels than allowed."""

    status = 413
    code = "image_too_large"


class NotAnImage(ImageError):
    """Bytes that are not an image of a supported format."""

    status = 415
    code = "not_an_image"


class ImageCorrupt(ImageError):
    """An image of a supported format that does not decode."""

    status = 422
    code = "image_corrupt"


class ImageDiffers(ImageError):
    """The image that was read has another shape than the one that the editor shows."""

    status = 422
    code = "image_differs"


class ModelError(ServiceError):
    """A model that cannot be loaded or run."""

    status = 503
    code = "model_error"


class DeviceFailed(ModelError):
    """A GPU or a runtime that failed to compute, whatever it was given; another replica may do better."""

    code = "device_failed"


class OutOfMemory(DeviceFailed):
    """Too little free memory, on the GPU or in the machine, to compute so much at once."""

    code = "out_of_memory"


class OtherVersion(ServiceError):
    """The request and the replica that got it are of different model versions: one is being replaced."""

    status = 503
    code = "other_version"


class NotKept(ServiceError):
    """An embedding that cannot be written to the durable tier."""

    status = 503
    code = "not_kept"


class Overloaded(ServiceError):
    """Too much is waiting; the same request may succeed a little later."""

    status = 503
    code = "overloaded"


class DeadlineExceeded(ServiceError):
    """The answer would come after the caller stopped waiting."""

    status = 504
    code = "deadline_exceeded"


def error_classes(root: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """Every class of the tree, the root first; not the classes that Ray derives from them at run time."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            yield from error_classes(child)
