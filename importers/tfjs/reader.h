// TensorFlow.js layers-models (what Keras models are converted to) become graphs.
#pragma once

#include <string>

#include "engine/graph.h"

namespace godwit::importers {

// Reads model.json and the weight shards beside it: functional models of one image input and one output,
// float32, channels last. The graph is that of an ONNX exporter: NCHW, Keras's layer names as node names,
// Conv, BatchNormalization and activations as separate nodes. ZeroPadding2D goes into the pads of a Conv that
// alone reads it.
//
// The input is `input`, RGB; the output is `prob` where the model ends in a softmax. The models of
// keras.applications that were trained on Caffe's preprocessing (see caffe_preprocessing) eat BGR: their
// first convolutions get their input channels swapped, and metadata "godwit.preprocess" says "caffe". Labels
// come from a labels.json (an array, or an object with the class numbers as keys) in the model's folder, in
// assets/ there, or in assets/ beside that folder.
//
// Throws Error without naming model.json, which the caller does.
engine::Graph load_tfjs(const std::string& path);

// True where this is the name of one of keras.applications' models with Caffe's preprocessing: BGR, minus the
// mean colour.
bool caffe_preprocessing(const std::string& model_name);

}  // namespace godwit::importers
