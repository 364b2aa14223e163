// The row of the kernel that measures the peak.
#pragma once

#include "ops/kernels/peak/peak.h"
#include "ops/kernels/rows.h"
