// recognize_attention: MatMul(Softmax(MatMul(q, k) · scale + mask), v)  becomes  AttentionViews(q, k, v,
// mask). q, k and v are traced through the Reshape, Transpose, Slice, Split, Gather and scaling nodes that
// cut heads out of tensors, and so is the way back; scales may stand at q, at k and behind their product,
// masks are constants that may repeat. Factors and masks are gathered in double: results differ in last bits.
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "engine/node_properties.h"
#include "engine/passes/strided_view.h"
#include "engine/rewrite.h"
#include "ops/attention.h"
#include "ops/known_ops.h"

namespace godwit::engine::passes {
namespace {

using Dims = std::vector<StridedView::Dim>;

constexpr std::int64_t kMostMaskElements = 16 << 20;  // of all masks of one attention together

// A constant added to scores that have this shape there.
struct MaskTerm {
  const Tensor* constant = nullptr;
  Shape scores;
};

// Elements of scores after which the mask repeats.
std::int64_t period_of(const MaskTerm& term) {
  const Shape& mask = term.constant->shape();
  int axis = 0;
  while (axis < mask.rank() && mask[axis] == 1) ++axis;
  const int rank = term.scores.rank();
  return term.scores.product(rank - mask.rank() + axis, rank);
}

// Adds the mask to a table that holds whole periods of it.
void add_mask(const MaskTerm& term, std::span<double> table) {
  const Shape& mask = term.constant->shape();
  const auto values = term.constant->values<float>();
  for (std::size_t i = 0; i < table.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    std::int64_t at = 0, step = 1;
    for (int axis = mask.rank() - 1; axis >= 0; --axis) {
      const std::int64_t size = term.scores[term.scores.rank() - mask.rank() + axis];
      at += mask[axis] == 1 ? 0 : rest % size * step;
      rest /= size;
      step *= mask[axis];
    }
    table[i] += static_cast<double>(values[static_cast<std::size_t>(at)]);
  }
}

class Recognizer {
 public:
  explicit Recognizer(const Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  struct Found {
    ops::AttentionViews views;
    ValueId query = kNoValue, key = kNoValue, value = kNoValue;
    std::optional<Tensor> mask;
    NodeId last = kNoNode;
    std::vector<NodeId> nodes;
  };

  // The attention whose product with values is `id`; `reason` says what is in the way where there is a
  // Softmax.
  std::optional<Found> find(NodeId id, std::string& reason) const {
    const Node& weighted = rewriter_.node(id);
    const NodeId softmax = only_producer(weighted.inputs[0], ops::op_softmax());
    if (softmax == kNoNode || !weighted.epilogue.empty() || !all_known(weighted)) return std::nullopt;
    const Shape& weights = shape_of(weighted.inputs[0]);
    const std::int64_t axis = rewriter_.node(softmax).attributes.integer("axis", -1);
    reason = "Softmax is not over the last axis";
    if (axis != -1 && axis != weights.rank() - 1) return std::nullopt;

    Found found;
    found.nodes = {id, softmax};
    double factor = 1;
    std::vector<MaskTerm> masks;
    const NodeId product =
        scores_of(rewriter_.node(softmax).inputs[0], softmax, found, factor, masks, reason);
    if (product == kNoNode) return std::nullopt;
    if (!set_operands(rewriter_.node(product), weighted, factor, found)) {
      reason = "its heads lie in no regular distance";
      return std::nullopt;
    }
    reason = "its masks do not repeat from matrix to matrix, or are too large";
    if (!masks.empty() && !set_mask(masks, found)) return std::nullopt;
    keep_private(found);
    return found;
  }

 private:
  const Shape& shape_of(ValueId id) const { return rewriter_.value(id).desc.shape; }
  bool all_known(const Node& node) const {
    return std::ranges::all_of(node.inputs, [&](ValueId id) {
      return id != kNoValue && shape_of(id).known() && shape_of(id).elements() > 0 &&
             shape_of(id).rank() > 1 && rewriter_.value(id).desc.dtype == DType::f32;
    });
  }
  // The node of that operator that makes the value for one reader alone.
  NodeId only_producer(ValueId id, const ops::OpDef& op) const {
    const NodeId maker = rewriter_.producer(id);
    if (maker == kNoNode || rewriter_.node(maker).op != &op || !rewriter_.node(maker).epilogue.empty() ||
        rewriter_.only_reader(id) == kNoNode)
      return kNoNode;
    return maker;
  }

  // The product behind which scores are scaled, masked and given other shapes.
  NodeId scores_of(ValueId id, NodeId reader, Found& found, double& factor, std::vector<MaskTerm>& masks,
                   std::string& reason) const {
    for (;;) {
      const NodeId maker = rewriter_.producer(id);
      reason = "scores are not those of a product";
      if (maker == kNoNode) return kNoNode;
      const Node& node = rewriter_.node(maker);
      reason = fmt::format("others read the result of {}", describe(node));
      if (rewriter_.only_reader(id) != reader) return kNoNode;
      reason = fmt::format("{} clamps or adds", describe(node));
      if (!node.epilogue.empty()) return kNoNode;
      reason = fmt::format("{} stands between Softmax and product", describe(node));
      if (node.op == &ops::op_mat_mul()) return all_known(node) ? maker : kNoNode;
      found.nodes.push_back(maker);
      reader = maker;
      if (const std::optional<Scaling> scaling = scaling_of(graph_, node)) {
        factor *= scaling->factor;
        id = node.inputs[scaling->moved];
      } else if (node.op == &ops::op_reshape()) {
        id = node.inputs[0];
      } else if (node.op == &ops::op_add()) {
        const std::size_t fixed = f32_constant_of(graph_, node, 0) != nullptr ? 0 : 1;
        const Tensor* mask = f32_constant_of(graph_, node, fixed);
        const Shape& scores = shape_of(node.outputs[0]);
        reason = fmt::format("{} adds a mask that is computed or scaled", describe(node));
        if (mask == nullptr || factor != 1 || shape_of(node.inputs[1 - fixed]) != scores) return kNoNode;
        masks.push_back({mask, scores});
        id = node.inputs[1 - fixed];
      } else {
        return kNoNode;
      }
    }
  }

  // Dimensions in front of the matrix as one of batch and one of heads, the same for all views; those whose
  // neighbours lie in one distance everywhere are joined.
  static bool split_batches(std::vector<Dims>& all) {
    const auto joins = [&](std::size_t i) {
      return std::ranges::all_of(
          all, [&](const Dims& dims) { return dims[i].stride == dims[i + 1].size * dims[i + 1].stride; });
    };
    const auto is_one = [&](std::size_t i) { return all[0][i].size == 1; };
    for (std::size_t i = 0; all[0].size() > 3 && i + 2 < all[0].size();) {
      if (is_one(i) || (all[0].size() > 4 && i + 3 < all[0].size() && !is_one(i + 1) && joins(i))) {
        const bool drop = is_one(i);
        for (Dims& dims : all) {
          if (!drop) dims[i + 1].size *= dims[i].size;
          dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(i));
        }
      } else {
        ++i;
      }
    }
    for (Dims& dims : all) {
      while (dims.size() < 4) dims.insert(dims.begin(), {1, 0});
    }
    return all[0].size() == 4;
  }

  // Follows results through Transpose and Reshape behind the product to the last value that is written
  // whole.
  std::optional<StridedView> result_of(NodeId product, Found& found) const {
    const ValueId result = rewriter_.node(product).outputs[0];
    NodeId last = product;
    std::vector<NodeId> behind;
    for (ValueId id = result;;) {
      const NodeId reader = rewriter_.only_reader(id);
      if (reader == kNoNode) break;
      const Node& node = rewriter_.node(reader);
      const bool moves = node.op == &ops::op_transpose() || node.op == &ops::op_reshape() ||
                         node.op == &ops::op_squeeze() || node.op == &ops::op_unsqueeze();
      if (!moves || !node.epilogue.empty() || node.inputs[0] != id) break;
      id = node.outputs[0];
      behind.push_back(last);
      last = reader;
    }
    for (;; last = behind.back(), behind.pop_back()) {
      // Reshape leaves bytes where they are: what is in front of it has the same places.
      ValueId seen = rewriter_.node(last).outputs[0];
      while (seen != result && rewriter_.node(rewriter_.producer(seen)).op != &ops::op_transpose())
        seen = rewriter_.node(rewriter_.producer(seen)).inputs[0];
      if (std::optional<StridedView> places = places_in(seen, result)) {
        found.last = last;
        found.nodes.insert(found.nodes.end(), behind.begin(), behind.end());
        found.nodes.push_back(last);
        return places;
      }
      if (behind.empty()) return std::nullopt;
    }
  }

  // Elements of `result` as they lie in `seen`, which a view of it makes: the reverse of that view.
  std::optional<StridedView> places_in(ValueId seen, ValueId result) const {
    std::vector<NodeId> nodes;
    const StridedView view = view_of(rewriter_, seen, nodes, result);
    if (view.base != result || view.factor != 1) return std::nullopt;
    const Dims places = whole_view(seen, shape_of(seen)).dims;
    std::vector<std::pair<std::int64_t, StridedView::Dim>> digits;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].size > 1) digits.emplace_back(view.dims[i].stride, places[i]);
    }
    std::ranges::stable_sort(digits, std::ranges::greater{}, [](const auto& digit) { return digit.first; });
    StridedView reverse;
    reverse.base = seen;
    for (const auto& digit : digits) reverse.dims.push_back(digit.second);
    auto dims = reverse.reshaped(shape_of(result));
    if (!dims) return std::nullopt;
    reverse.dims = std::move(*dims);
    return reverse;
  }

  bool set_operands(const Node& product, const Node& weighted, double factor, Found& found) const {
    StridedView query = view_of(rewriter_, product.inputs[0], found.nodes);
    StridedView key = view_of(rewriter_, product.inputs[1], found.nodes);
    StridedView value = view_of(rewriter_, weighted.inputs[1], found.nodes);
    found.nodes.push_back(rewriter_.producer(product.outputs[0]));
    std::optional<StridedView> result = result_of(rewriter_.producer(weighted.outputs[0]), found);
    if (!result || value.factor != 1) return false;
    const std::size_t rank = query.dims.size();
    if (key.dims.size() != rank || value.dims.size() != rank || result->dims.size() != rank) return false;
    std::swap(key.dims[rank - 1], key.dims[rank - 2]);
    for (std::size_t i = 0; i + 2 < rank; ++i) {
      const std::int64_t size = query.dims[i].size;
      if (key.dims[i].size != size || value.dims[i].size != size || result->dims[i].size != size)
        return false;
    }
    std::vector<Dims> all{query.dims, key.dims, value.dims, result->dims};
    if (!split_batches(all)) return false;
    // Elements of a head lie side by side, where there are several.
    for (const Dims& dims : all) {
      if (dims[3].size > 1 && dims[3].stride != 1) return false;
    }
    const auto heads = [&](std::size_t i, std::int64_t offset) {
      const Dims& dims = all[i];
      return ops::HeadView{offset, dims[0].stride, dims[1].stride, dims[2].stride};
    };
    found.query = query.base;
    found.key = key.base;
    found.value = value.base;
    found.views = {.batch = all[0][0].size,
                   .heads = all[0][1].size,
                   .kv_heads = all[0][1].size,
                   .queries = all[0][2].size,
                   .keys = all[1][2].size,
                   .size = all[0][3].size,
                   .value_size = all[2][3].size,
                   .query = heads(0, query.offset),
                   .key = heads(1, key.offset),
                   .value = heads(2, value.offset),
                   .result = heads(3, 0),
                   .mask = std::nullopt,
                   .scale = static_cast<float>(factor * query.factor * key.factor)};
    return true;
  }

  // One table for all masks, of as many matrices as it takes until they repeat.
  static bool set_mask(const std::vector<MaskTerm>& masks, Found& found) {
    ops::AttentionViews& views = found.views;
    const std::int64_t matrix = views.queries * views.keys, heads = views.heads * matrix;
    std::int64_t elements = matrix;
    for (const MaskTerm& term : masks) elements = std::max(elements, period_of(term));
    // Heads that repeat within those of an image are written out.
    if (elements > matrix && elements < heads) elements = heads;
    if (elements > kMostMaskElements || elements % matrix != 0) return false;
    if (elements != matrix && elements % heads != 0) return false;
    for (const MaskTerm& term : masks) {
      if (elements % period_of(term) != 0) return false;
    }
    std::vector<double> sums(static_cast<std::size_t>(elements), 0.0);
    for (const MaskTerm& term : masks) add_mask(term, sums);
    Tensor table(TensorDesc{DType::f32, {elements}, Layout::nchw});
    std::ranges::transform(sums, table.mutable_values<float>().begin(),
                           [](double sum) { return static_cast<float>(sum); });
    found.mask = std::move(table);
    const bool shared = elements == matrix;
    views.mask = ops::MaskView{.period = shared ? 1 : elements / heads,
                               .batch = shared ? 0 : heads,
                               .head = shared ? 0 : matrix,
                               .row = views.keys};
    return true;
  }

  // Nodes whose results nothing else reads.
  void keep_private(Found& found) const {
    std::vector<NodeId>& nodes = found.nodes;
    std::ranges::sort(nodes, std::ranges::greater{});
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    std::vector<NodeId> kept;
    const auto is_read_inside = [&](ValueId id) {
      return id == kNoValue ||
             (!rewriter_.is_output(id) && std::ranges::all_of(rewriter_.readers(id), [&](NodeId reader) {
               return std::ranges::find(kept, reader) != kept.end();
             }));
    };
    for (const NodeId id : nodes) {
      if (id == found.last || std::ranges::all_of(rewriter_.node(id).outputs, is_read_inside))
        kept.push_back(id);
    }
    nodes = std::move(kept);
  }

  const Rewriter& rewriter_;
  const Graph& graph_;
};

}  // namespace

void recognize_attention(Graph& graph, PassContext& context) {
  Rewriter rewriter(graph);
  const Recognizer recognizer(rewriter);
  for (NodeId id = 0; id < rewriter.size(); ++id) {
    if (!rewriter.alive(id) || rewriter.node(id).op != &ops::op_mat_mul()) continue;
    std::string reason;
    auto found = recognizer.find(id, reason);
    if (!found) {
      if (!reason.empty()) log_skipped(context, fmt::format("{}: {}", describe(rewriter.node(id)), reason));
      continue;
    }
    log_rewrite(context, fmt::format("{} ends an attention of {} heads, {} queries and {} keys",
                                     describe(rewriter.node(id)), found->views.heads * found->views.batch,
                                     found->views.queries, found->views.keys));
    std::vector<ValueId> inputs{found->query, found->key, found->value};
    if (found->mask) {
      const std::string name = fmt::format("{}/mask", rewriter.node(id).name);
      inputs.push_back(rewriter.add_constant(name, std::move(*found->mask)));
    }
    ops::Attributes attributes;
    set_attention_views(attributes, found->views,
                        rewriter.value(rewriter.node(found->last).outputs[0]).desc.shape);
    rewriter.become(found->last, ops::op_attention_views(), std::move(inputs), std::move(attributes),
                    found->nodes);
  }
  rewriter.finish();
}

}  // namespace godwit::engine::passes
