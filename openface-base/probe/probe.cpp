// Use each dependency as OpenFace uses it, and fail if an answer is wrong; no part of OpenFace, and no stand-in for it.
// Prints one line a dependency.
// OpenFace's headers would take Boost's file system where this header exists, and be linked without it.
#if __has_include(<boost/filesystem.hpp>)
#error "boost/filesystem.hpp is installed: OpenFace would be compiled for Boost and linked without it"
#endif

#include <f77blas.h>
#include <openblas_config.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms/fhog.h>
#include <dlib/opencv.h>
#include <opencv2/calib3d.hpp>
#include <opencv2/core.hpp>
#include <opencv2/highgui.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>
#include <opencv2/videoio.hpp>

extern "C" void openblas_set_num_threads(int);

namespace {

void require(bool holds, const char* what) {
    if (holds) {
        std::cout << "ok: " << what << std::endl;
        return;
    }
    std::cerr << "FAILED: " << what << std::endl;
    std::exit(1);
}

// The Fortran interface, as the CEN patch experts call it: C = A * B, column by column.
void blas() {
    openblas_set_num_threads(1);
    std::vector<float> a{1, 2, 3, 4}, b{5, 6, 7, 8}, c(4);
    char no = 'N';
    blasint two = 2;
    float one = 1, zero = 0;
    sgemm_(&no, &no, &two, &two, &two, &one, a.data(), &two, b.data(), &two, &zero, c.data(), &two);
    require(c == std::vector<float>({23, 34, 31, 46}), "OpenBLAS multiplies");
}

void opencv() {
    cv::Mat picture(240, 320, CV_8UC3, cv::Scalar(10, 20, 30)), grey, turned, rotation;
    cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
    cv::Rodrigues(cv::Vec3d(0, 0, CV_PI / 2), rotation);
    require(grey.channels() == 1 && std::abs(rotation.at<double>(1, 0) - 1) < 1e-9, "OpenCV computes");

    const auto file = std::filesystem::temp_directory_path() / "probe.png";
    require(cv::imwrite(file.string(), picture) && !cv::imread(file.string()).empty(), "OpenCV writes and reads pictures");
    std::filesystem::remove(file);

    require(!cv::VideoCapture("/nonexistent.mp4").isOpened(), "OpenCV has a video reader, which refuses what is not there");
    require(cv::CascadeClassifier().empty(), "OpenCV has cascades");
    require(cv::waitKey(1) == -1, "no key is pressed where there is no window");
}

void faces() {
    cv::Mat_<uchar> grey(112, 112, static_cast<uchar>(0));
    cv::rectangle(grey, {30, 30}, {80, 80}, cv::Scalar(255), cv::FILLED);
    dlib::cv_image<uchar> picture(grey);
    dlib::array2d<dlib::matrix<float, 31, 1>> hog;
    dlib::extract_fhog_features(picture, hog, 8);
    require(hog.nr() == 12 && hog.nc() == 12, "dlib computes the HOG of an aligned face");
    require(dlib::get_frontal_face_detector()(picture).empty(), "dlib's detector finds no face in a square");
}

}  // namespace

int main() {
    std::thread(blas).join();
    opencv();
    faces();
}
