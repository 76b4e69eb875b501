// The part of OpenCV's highgui that OpenFace's commands mention, without a window system behind it.
//
// The distribution's highgui needs Qt and a stack of graphics drivers, and the commands open windows only when they
// are asked to (-verbose and -vis-*), which the service never does. Built with the soname of the real library, it
// takes its place in the final image; `ldd -r` there tells if the commands mention anything more.
#include <opencv2/core.hpp>
#include <opencv2/highgui.hpp>

namespace {
[[noreturn]] void refuse() { CV_Error(cv::Error::StsNotImplemented, "this image has no display: no -verbose, no -vis-*"); }
}  // namespace

namespace cv {
void namedWindow(const String&, int) { refuse(); }
void imshow(const String&, InputArray) { refuse(); }
void resizeWindow(const String&, int, int) { refuse(); }
void moveWindow(const String&, int, int) { refuse(); }
void setMouseCallback(const String&, MouseCallback, void*) { refuse(); }
void destroyWindow(const String&) {}
void destroyAllWindows() {}
int pollKey() { return -1; }
// No key is pressed; the commands ask only where they show a window.
int waitKey(int) { return -1; }
}  // namespace cv
