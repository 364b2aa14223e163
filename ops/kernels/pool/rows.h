// Rows of the poolings.
#pragma once

#include "ops/kernels/pool/pool.h"
#include "ops/kernels/pool/quantized_pool.h"
#include "ops/kernels/rows.h"
