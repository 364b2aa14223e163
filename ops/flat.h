// An element-wise op's reference run over bytes as they lie: any layout, shared by the team.
#pragma once

#include <memory>
#include <string>

#include "ops/implementation.h"

namespace godwit::ops {

// Every computed operand must have the result's shape and layout or one element.
std::string reject_flat(const NodeView& node, const Target& target);
std::unique_ptr<Executable> prepare_flat(ReferenceFunction reference, const NodeView& node);

// The implementation of an op whose reference takes each element from those at its place alone.
template <ReferenceFunction kReference>
inline const Implementation flat{
    "flat", "the reference's loop in any layout, shared by the team", reject_flat,
    [](const NodeView& node, const PrepareContext&) { return prepare_flat(kReference, node); }};

}  // namespace godwit::ops
