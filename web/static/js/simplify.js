// A drawn line with fewer corners (Ramer, 1972; Douglas and Peucker, 1973).

/** Points [x, y] of which none that is left out lies farther than `most` from the line. */
export function simplified(points, most) {
  if (points.length < 3) return points;
  const [first, last] = [points[0], points.at(-1)];
  let [far, at] = [0, 0];
  for (let index = 1; index < points.length - 1; index += 1) {
    const gap = distance(points[index], first, last);
    if (gap > far) [far, at] = [gap, index];
  }
  if (far <= most) return [first, last];
  return [...simplified(points.slice(0, at + 1), most).slice(0, -1), ...simplified(points.slice(at), most)];
}

function distance([x, y], [x0, y0], [x1, y1]) {
  const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const along = length ? Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length)) : 0;
  return Math.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0));
}
