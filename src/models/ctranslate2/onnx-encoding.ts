import onnxProto, { type onnx } from 'onnx-proto';
import type { GraphPort } from './graph-builder.ts';
import { elementTypes, type GraphTensor, tensorBytes } from './graph-tensor.ts';

const { AttributeProto, GraphProto, NodeProto, TensorProto } = onnxProto.onnx;

/**
 * Parts of an ONNX file as bytes. ONNX is a proto2 format, whose lists of numbers are written one by one; onnx-proto packs
 * them, which readers accept too. They are written here as the official library does, field by field in the order of the
 * numbers, so that a model has the same bytes, and thus the same sum, whoever converted it.
 */

/** Field numbers of onnx.proto that are written by hand. */
const fields = { modelGraph: 7, graphNode: 1, graphInitializer: 5, nodeAttribute: 5, attributeInts: 8, tensorDims: 1 };
const tensorRawData = 9;

/** Wire types of protobuf. */
const varint = 0;
const delimited = 2;

/** A writer as protobufjs makes it, with a message begun in it. */
type Writer = ReturnType<typeof NodeProto.encode>;

export function encodeNode(node: onnx.INodeProto): Uint8Array {
  const { attribute, domain, ...head } = node;
  const writer = NodeProto.encode(head);
  for (const one of attribute ?? []) writer.uint32(tag(fields.nodeAttribute, delimited)).bytes(encodeAttribute(one));
  const body = NodeProto.encode(domain ? { domain } : {}, writer).finish();
  return empty().uint32(tag(fields.graphNode, delimited)).bytes(body).finish();
}

/** Everything of a constant up to its values, as a field of the graph. */
export function encodeTensorHead(name: string, tensor: GraphTensor): Uint8Array {
  const writer = empty();
  for (const dim of tensor.dims) writer.uint32(tag(fields.tensorDims, varint)).int64(dim);
  TensorProto.encode({ dataType: elementTypes[tensor.type].number, name }, writer);
  const body = writer.uint32(tag(tensorRawData, delimited)).uint32(tensorBytes(tensor)).finish();
  const bodyBytes = body.length + tensorBytes(tensor);
  return Buffer.concat([delimitedHead(fields.graphInitializer, bodyBytes), body]);
}

/** What begins the graph within the model. */
export function encodeGraphHead(graphBytes: number): Uint8Array {
  return delimitedHead(fields.modelGraph, graphBytes);
}

export function encodePorts(inputs: readonly GraphPort[], outputs: readonly GraphPort[]): Uint8Array {
  return GraphProto.encode({ input: inputs.map(valueInfo), output: outputs.map(valueInfo) }).finish();
}

function encodeAttribute(attribute: onnx.IAttributeProto): Uint8Array {
  const { ints, type, ...head } = attribute;
  const writer = AttributeProto.encode(head);
  for (const one of ints ?? []) writer.uint32(tag(fields.attributeInts, varint)).int64(one);
  return AttributeProto.encode(type ? { type } : {}, writer).finish();
}

function delimitedHead(field: number, lengthBytes: number): Uint8Array {
  return empty().uint32(tag(field, delimited)).uint32(lengthBytes).finish();
}

/** protobufjs is not ours to import; an empty message is a writer with nothing in it. */
function empty(): Writer {
  return NodeProto.encode({});
}

function tag(field: number, wireType: number): number {
  return field * 8 + wireType;
}

function valueInfo(port: GraphPort): onnx.IValueInfoProto {
  const dim = port.shape.map((one) => (typeof one === 'number' ? { dimValue: one } : { dimParam: one }));
  return { name: port.name, type: { tensorType: { elemType: elementTypes[port.type].number, shape: { dim } } } };
}
