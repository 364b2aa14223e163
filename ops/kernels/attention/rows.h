// Rows of the kernels of attention.
#pragma once

#include "ops/kernels/attention/attention.h"
#include "ops/kernels/rows.h"
