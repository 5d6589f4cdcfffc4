#pragma once

#include <vector>

namespace gptc::driver {

struct CurvePoint {
  double x = 0;
  double y = 0;
};

/// At most `limit` points for points sorted by x: the means of equally long runs of them.
std::vector<CurvePoint> thin_out(const std::vector<CurvePoint>& points, std::size_t limit);

/// At most `limit` points of a smooth curve through noise: at each the mean of its neighbours under
/// a Gaussian. Its width is a seventieth of the range, and less towards the first point, where
/// losses fall steeply.
std::vector<CurvePoint> smooth(const std::vector<CurvePoint>& points, std::size_t limit);

}  // namespace gptc::driver
