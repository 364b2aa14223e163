// Upsample: the name of Resize before opset 10, which the importer gives it.
#include "ops/op.h"

namespace godwit::ops {

const OpDef& op_resize();

const OpDef& op_upsample() {
  static const OpDef def = [] {
    OpDef older = op_resize();
    older.name = "Upsample";
    older.sentence = "Resize under its older name";
    older.since_opset = 9;
    return older;
  }();
  return def;
}

}  // namespace godwit::ops
