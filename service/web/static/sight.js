/**
 * Angles against the line of sight: from the camera to the head, which for a head beside the picture's middle is not the
 * camera's axis. OpenFace's own angles are camera coordinates: x right, y down, z away from the camera.
 */

const DEGREES = 180 / Math.PI;

/**
 * The head's rotation as OpenFace's `GetPoseWRTCamera` corrects it: zero for a head that faces the lens.
 *
 * @param {{rotation_deg: {pitch: number, yaw: number, roll: number}, translation_mm: number[]}} pose
 * @returns {{pitch: number, yaw: number, roll: number}} in degrees; a positive pitch looks down, a positive yaw to the left
 *   of the picture, a positive roll tilts clockwise
 */
export function headAgainstSight({ rotation_deg: { pitch, yaw, roll }, translation_mm: [x, y, z] }) {
  const sight = rotation(Math.atan2(y, Math.hypot(x, z)), -Math.atan2(x, Math.hypot(y, z)), 0);
  const head = multiplied(sight, rotation(pitch / DEGREES, yaw / DEGREES, roll / DEGREES));
  return {
    pitch: Math.atan2(-head[1][2], head[2][2]) * DEGREES,
    yaw: Math.asin(Math.max(-1, Math.min(1, head[0][2]))) * DEGREES,
    roll: Math.atan2(-head[0][1], head[0][0]) * DEGREES,
  };
}

/** The gaze's angles against the direction from the head to the lens, in degrees: right of the picture, and down. */
export function gazeAgainstSight({ angle_deg: [across, down] }, { translation_mm: [x, y, z] }) {
  return { across: across + Math.atan2(x, z) * DEGREES, down: down + Math.atan2(y, z) * DEGREES };
}

/** Rotation about x, y and z, multiplied in this order. */
function rotation(x, y, z) {
  const [cx, sx, cy, sy, cz, sz] = [x, y, z].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
  return [
    [cy * cz, -cy * sz, sy],
    [cx * sz + cz * sx * sy, cx * cz - sx * sy * sz, -cy * sx],
    [sx * sz - cx * cz * sy, cz * sx + cx * sy * sz, cx * cy],
  ];
}

function multiplied(one, other) {
  return one.map((row) => other[0].map((_, column) => row.reduce((sum, value, at) => sum + value * other[at][column], 0)));
}
