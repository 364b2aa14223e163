// Scatter: the name of ScatterElements before opset 11, which the importer gives it.
#include "ops/op.h"

namespace godwit::ops {

const OpDef& op_scatter_elements();

const OpDef& op_scatter() {
  static const OpDef def = [] {
    OpDef older = op_scatter_elements();
    older.name = "Scatter";
    older.sentence = "ScatterElements under its older name";
    older.since_opset = 9;
    older.attributes = {{"axis", AttributeType::integer}};
    return older;
  }();
  return def;
}

}  // namespace godwit::ops
