// Models of operators that compute, for the test of the opsets that written models claim.
#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "tests/support/graph_builder.h"

namespace godwit::importers::test {

// A node of operands of any type that it may take, by operator.
using Forms = std::map<std::string_view, std::function<engine::ValueId(support::GraphBuilder&, DType)>>;
void add_arithmetic_forms(Forms& forms);

}  // namespace godwit::importers::test
