#include "tools/driver/smoothing.h"

#include <algorithm>
#include <cmath>

namespace gptc::driver {

std::vector<CurvePoint> thin_out(const std::vector<CurvePoint>& points, std::size_t limit) {
  if (points.size() <= limit) return points;
  std::vector<CurvePoint> thin;
  thin.reserve(limit);
  for (std::size_t i = 0; i < limit; ++i) {
    const std::size_t begin = i * points.size() / limit;
    const std::size_t end = (i + 1) * points.size() / limit;
    CurvePoint mean;
    for (std::size_t j = begin; j < end; ++j) {
      mean.x += points[j].x;
      mean.y += points[j].y;
    }
    const auto count = static_cast<double>(end - begin);
    thin.push_back({.x = mean.x / count, .y = mean.y / count});
  }
  return thin;
}

std::vector<CurvePoint> smooth(const std::vector<CurvePoint>& points, std::size_t limit) {
  std::vector<CurvePoint> curve = thin_out(points, limit);
  if (points.size() < 3) return curve;
  const double first = points.front().x;
  const double range = points.back().x - first;
  for (CurvePoint& at : curve) {
    const double width = std::min(range / 70, (at.x - first) / 9) + range / 5000;
    const auto near = [](const CurvePoint& p, double x) { return p.x < x; };
    const auto begin = std::lower_bound(points.begin(), points.end(), at.x - 3 * width, near);
    const auto end = std::lower_bound(begin, points.end(), at.x + 3 * width, near);
    double sum = 0;
    double weights = 0;
    for (auto it = begin; it != end; ++it) {
      const double distance = (it->x - at.x) / width;
      const double weight = std::exp(-distance * distance / 2);
      sum += weight * it->y;
      weights += weight;
    }
    if (weights > 0) at.y = sum / weights;
  }
  return curve;
}

}  // namespace gptc::driver
