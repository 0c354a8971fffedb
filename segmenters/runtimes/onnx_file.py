"""ONNX files that other people made: checked, and described without their weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from segmenters.checkpoints.locate import usual_mistake
from segmenters.runtimes.onnx_runtime import OnnxRuntimeSession
from values.errors import ModelError

_LIMIT = 2**31  # bytes; Protocol Buffers, the format of ONNX files, knows no larger ones
_NAMES = onnx.TensorProto.DataType


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output as a graph declares it.

    ``dtype``: NumPy's name, such as ``float32``. ``shape``: None where a dimension is free; None alone when
    nothing is declared.
    """

    dtype: str
    shape: tuple[int | None, ...] | None

    def fits(self, expected: Value) -> bool:
        """Whether this takes or gives all that is ``expected``, as far as it is declared."""
        if self.dtype != expected.dtype:
            return False
        if self.shape is None or expected.shape is None:
            return True
        if len(self.shape) != len(expected.shape):
            return False
        return all(mine in (None, theirs) for mine, theirs in zip(self.shape, expected.shape, strict=True))

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.dtype} of any shape"
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.dtype} ({sizes})"


def read_model(path: Path, remedy: str) -> onnx.ModelProto:
    """The file's model; weights that it keeps in other files stay there.

    ``remedy`` ends each error: what to give instead. Raises ``values.errors.ModelError`` for a file that
    is missing, damaged, something else, newer than ONNX Runtime, or without the files of its weights.
    """
    model = _parsed(path, remedy)
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{path} is not an ONNX file, or is damaged: it holds no graph; {remedy}")
    _check_version(model, path)
    _check_weights(model, path, remedy)
    return model


def inputs(model: onnx.ModelProto) -> dict[str, Value]:
    """The inputs that a caller gives, by name, without the weights that some exporters list among them."""
    weights = {each.name for each in model.graph.initializer}
    return {name: value for name, value in _values(model.graph.input).items() if name not in weights}


def outputs(model: onnx.ModelProto) -> dict[str, Value]:
    """The graph's outputs, by name and in its order."""
    return _values(model.graph.output)


def listed(values: dict[str, Value]) -> str:
    """Inputs or outputs for a sentence."""
    return ", ".join(f"{name}: {value}" for name, value in values.items())[:300] or "nothing"


def _values(infos: Iterable[onnx.ValueInfoProto]) -> dict[str, Value]:
    return {info.name: _value(info.type.tensor_type) for info in infos}


def _value(kind: onnx.TypeProto.Tensor) -> Value:
    known = kind.elem_type in _NAMES.values()
    dtype = _NAMES.Name(kind.elem_type).lower() if known else f"type {kind.elem_type}"
    sizes = tuple(each.dim_value if each.dim_value > 0 else None for each in kind.shape.dim)
    return Value("float32" if dtype == "float" else dtype, sizes if kind.HasField("shape") else None)


def _parsed(path: Path, remedy: str) -> onnx.ModelProto:
    content = _content(path, remedy)
    try:
        return onnx.load_model_from_string(content)
    except Exception:  # what the parser raises has no root but this
        raise ModelError(f"{path} is not an ONNX file, or is damaged or incomplete; {remedy}") from None


def _content(path: Path, remedy: str) -> bytes:
    try:
        with path.open("rb") as file:
            described = _something_else(file.read(64))
            if described is not None:
                raise ModelError(f"{path} is not an ONNX file but {described}; {remedy}")
            if path.stat().st_size >= _LIMIT:
                raise ModelError(
                    f"{path} has 2 GB or more, which no ONNX file can have; save the model again with its "
                    "weights in a file beside it (`save_as_external_data` of the onnx package)"
                )
            file.seek(0)
            return file.read()
    except OSError as error:
        raise ModelError(f"cannot read the ONNX file {path}: {error.strerror}; {remedy}") from None


def _something_else(start: bytes) -> str | None:
    """What a file is that begins so, if it is one of the usual mistakes for an ONNX file."""
    if start.startswith((b"PK\x03\x04", b"\x80\x02")):
        return "a torch checkpoint (or another archive)"
    if start[4:9] == b"\0\0\0\0{":  # the length of a JSON header, then the header
        return "a checkpoint in the format safetensors"
    return usual_mistake(start)


def _check_version(model: onnx.ModelProto, path: Path) -> None:
    """Raises ``values.errors.ModelError`` for versions that ONNX Runtime refuses in a graph of one node."""
    kind = onnx.TensorProto.FLOAT
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    ends = [onnx.helper.make_tensor_value_info(name, kind, [1]) for name in "ab"]
    same = onnx.helper.make_model(onnx.helper.make_graph([node], "same", ends[:1], ends[1:]))
    same.ir_version = model.ir_version
    del same.opset_import[:]
    same.opset_import.extend(model.opset_import)
    try:
        OnnxRuntimeSession(same.SerializeToString(), 1)
    except ModelError:
        sets = ", ".join(f"{each.domain or 'ai.onnx'} {each.version}" for each in model.opset_import)
        raise ModelError(
            f"the ONNX file {path} has a version that the installed ONNX Runtime does not take (IR "
            f"{model.ir_version}, opset {sets}); export it again with opset 17, or upgrade onnxruntime"
        ) from None


def _check_weights(model: onnx.ModelProto, path: Path, remedy: str) -> None:
    """Raises ``values.errors.ModelError`` unless the files of weights are next to it, whole."""
    for tensor in model.graph.initializer:
        if not uses_external_data(tensor):
            continue
        try:
            info = ExternalDataInfo(tensor)
            end = (info.offset or 0) + (info.length or 0)
        except ValueError:
            raise ModelError(
                f"the ONNX file {path} is damaged: it misplaces {tensor.name}; {remedy}"
            ) from None
        place = PurePosixPath(info.location)
        if place.is_absolute() or ".." in place.parts:
            raise ModelError(
                f"the ONNX file {path} keeps weights in {info.location}, outside its own folder, where "
                "nothing is read from; save it again with its weights beside it"
            )
        beside = path.parent / place
        if not beside.is_file():
            raise ModelError(f"the ONNX file {path} keeps its weights in {beside}, which is missing; {_COPY}")
        if beside.stat().st_size < end:
            raise ModelError(f"the weights {beside} of the ONNX file {path} are incomplete; {_COPY}")


_COPY = "copy both files from where the model was exported, under the names they have there"
