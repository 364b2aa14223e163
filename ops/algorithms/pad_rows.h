// Padding by rows: the operand's part of each row in one copy, the places around it one by one.
#pragma once

#include <memory>

#include "ops/implementation.h"

namespace godwit::ops {

extern const Implementation pad_rows;

}  // namespace godwit::ops
