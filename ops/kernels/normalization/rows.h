// Rows of the normalisations.
#pragma once

#include "ops/kernels/normalization/normalization.h"
#include "ops/kernels/rows.h"
