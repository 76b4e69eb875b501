# Included right after OpenFace's project() line (CMAKE_PROJECT_INCLUDE), so that no file of upstream is changed.

# dlib's targets name Threads::Threads, which upstream nowhere looks for: "target not found" (#852, #965).
find_package(Threads REQUIRED)

# Both are optional in OpenFace, and both may or may not be there as a part of OpenCV's own packages: switched off, so
# that what is linked does not depend on what else is installed. C++17's file system takes Boost's place, which is also
# how half a Boost, compiled for another standard, cannot be linked (#919).
set(CMAKE_DISABLE_FIND_PACKAGE_TBB TRUE)
set(CMAKE_DISABLE_FIND_PACKAGE_Boost TRUE)
set(Boost_FOUND FALSE)
set(TBB_FOUND FALSE)

set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
