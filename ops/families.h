// Kernel families with the types of their functions: a function that is looked up by one has its type.
#pragma once

#include "ops/kernel_info.h"
#include "ops/kernels/attention/arguments.h"
#include "ops/kernels/convert/arguments.h"
#include "ops/kernels/depthwise/arguments.h"
#include "ops/kernels/elementwise/arguments.h"
#include "ops/kernels/gemm/arguments.h"
#include "ops/kernels/normalization/arguments.h"
#include "ops/kernels/peak/arguments.h"
#include "ops/kernels/pool/arguments.h"
#include "ops/kernels/quantized_gemm/arguments.h"
#include "ops/kernels/quantized_winograd/arguments.h"
#include "ops/kernels/sparse_gemm/arguments.h"
#include "ops/kernels/winograd/arguments.h"

namespace godwit::ops {

template <class Function>
struct Family {
  KernelFamily id;
  bool operator==(const Family&) const = default;
};

namespace families {

#define GODWIT_KERNEL_FAMILY(family, name, type) inline constexpr Family<type> family{KernelFamily::family};
#define GODWIT_KERNEL_ROWS(object, family, ...)
#include "ops/kernels/families.inc"
#undef GODWIT_KERNEL_ROWS
#undef GODWIT_KERNEL_FAMILY

}  // namespace families
}  // namespace godwit::ops
