// Rows of Winograd's transforms of 8-bit integers.
#pragma once

#include "ops/kernels/quantized_winograd/quantized_winograd.h"
#include "ops/kernels/rows.h"
