// What the two products of bytes that ARM has have in common. Included after winograd_lanes.h, in the same namespace.

// One instruction multiplies four bytes of each sum's weights by the same four inputs, a quarter of a vector.
//
//   struct Product {
//     using Vector = ...;                                    // of 16 inputs
//     static Vector load(const uint8_t* v);
//     static IntVec start(const int32_t* p);                 // of the sums
//     template <int lane> static int32x4_t add(int32x4_t sum, int8x16_t weights, Vector inputs);
//   };
template <typename Product>
struct LaneDot {
  struct Inputs {
    static constexpr int kDepth = 16;
    struct Four {
      typename Product::Vector v;
      int lane;
    };
    typename Product::Vector v;

    [[gnu::always_inline]] static Inputs load(const uint8_t* v) { return {Product::load(v)}; }
    [[gnu::always_inline]] Four four(int lane) const { return {v, lane}; }
  };
  static constexpr int kTiles = kBlockTiles;

  [[gnu::always_inline]] static IntVec start(const int32_t* p) { return Product::start(p); }
  [[gnu::always_inline]] static IntVec add(IntVec sum, typename Inputs::Four x, IntVec w) {
    const auto s = reinterpret_cast<int32x4_t>(sum);
    const auto weights = reinterpret_cast<int8x16_t>(w);
    switch (x.lane) {  // a number in the instruction
      case 0:
        return reinterpret_cast<IntVec>(Product::template add<0>(s, weights, x.v));
      case 1:
        return reinterpret_cast<IntVec>(Product::template add<1>(s, weights, x.v));
      case 2:
        return reinterpret_cast<IntVec>(Product::template add<2>(s, weights, x.v));
      default:
        return reinterpret_cast<IntVec>(Product::template add<3>(s, weights, x.v));
    }
  }
};
