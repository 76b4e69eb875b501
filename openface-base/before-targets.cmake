# Included right after OpenFace's project() line (CMAKE_PROJECT_INCLUDE), so that no file of upstream is changed.

# dlib's targets name Threads::Threads, which upstream does not look for: "target not found" (#852, #965).
find_package(Threads REQUIRED)

# OpenFace's headers choose Boost's file system or C++17's by looking for Boost's header, not by CMake's result: with the
# header there, its code is compiled for Boost, and with the package switched off it is linked without. So there must be
# no header at all, and the build ends here rather than with undefined symbols at its end (#919).
include(CheckIncludeFileCXX)
set(CMAKE_REQUIRED_QUIET TRUE)
check_include_file_cxx(boost/filesystem.hpp HAS_BOOST_FILESYSTEM)
if(HAS_BOOST_FILESYSTEM)
  message(FATAL_ERROR "boost/filesystem.hpp is installed: OpenFace would be compiled for Boost and linked without it. "
    "Remove libboost-filesystem-dev (or libboost-dev) from the build stage.")
endif()
set(CMAKE_DISABLE_FIND_PACKAGE_Boost TRUE)
set(Boost_FOUND FALSE)

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
