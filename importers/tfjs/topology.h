// The layers of a model.json as one list, whatever version of Keras wrote it.
#pragma once

#include <string>
#include <vector>

#include "importers/tfjs/fields.h"

namespace godwit::importers {

// One call of a layer. Layers of a model inside the model are named "model/layer".
struct TfjsLayer {
  std::string name;
  std::string weights;  // what the names of its weights start with: its name inside its own model
  std::string kind;     // Keras's class, of several names for one class always the same
  const Json* config;
  std::vector<std::string> sources;
};

// Stands for a layer that hands on what it reads: the input and the end of a model inside the model.
inline constexpr std::string_view kAlias = "godwit.alias";

struct Topology {
  std::string name;
  int keras = 2;  // the major version
  std::vector<TfjsLayer> layers;
  std::vector<std::string> outputs;
};

// Points into `root`. Reads functional and sequential models of Keras 2 and 3. Throws Error.
Topology read_topology(const Json& root);

}  // namespace godwit::importers
