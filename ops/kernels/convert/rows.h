// Rows of the conversions.
#pragma once

#include "ops/kernels/convert/convert.h"
#include "ops/kernels/rows.h"
