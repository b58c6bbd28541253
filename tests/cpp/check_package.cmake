# Installs the library from a build folder, and builds and runs examples/camera with it: as another project, which knows
# nothing of this one but the prefix.
#
#   cmake -DBUILD=build/cmake -DSOURCE=. -P tests/cpp/check_package.cmake
file(REAL_PATH "${BUILD}" BUILD BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
set(folder ${BUILD}/check_package)
file(REMOVE_RECURSE ${folder})
file(MAKE_DIRECTORY ${folder}/camera)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --build ${BUILD} --target srdgan_session)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${folder}/prefix)
foreach(file srdgan-x4 srdgan-x4-fast srdgan-x4-fast.int8 srdgan-x4-fast.sharp)
  if(NOT EXISTS ${folder}/prefix/share/srdgan/${file}.safetensors)
    message(FATAL_ERROR "${file}.safetensors is not installed")
  endif()
endforeach()
# A copy, beside which no header of the repository lies.
file(COPY ${SOURCE}/examples/camera/camera.cpp ${SOURCE}/examples/camera/CMakeLists.txt DESTINATION ${folder}/camera)
run(${CMAKE_COMMAND} -S ${folder}/camera -B ${folder}/build -DCMAKE_PREFIX_PATH=${folder}/prefix
    -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${folder}/build)

# Two frames of 16 x 8 pixels, of which the region of 4 x 4 is enlarged.
string(REPEAT "x" 192 frame)
file(WRITE ${folder}/frames.yuv "${frame}${frame}")
execute_process(COMMAND ${folder}/build/camera 16 8 4 2 4 4 INPUT_FILE ${folder}/frames.yuv
                OUTPUT_FILE ${folder}/results.yuv COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${folder}/results.yuv size)
if(NOT size EQUAL 768)
  message(FATAL_ERROR "two frames of 16 x 16 pixels in NV12 have 768 bytes, got ${size}")
endif()
# 'x' is 120; a flat picture stays flat, within rounding.
file(READ ${folder}/results.yuv results HEX)
string(REGEX REPLACE "7[6789a]" "" others "${results}")
if(NOT others STREQUAL "")
  message(FATAL_ERROR "flat frames of 0x78 became ${results}")
endif()

file(WRITE ${folder}/cut.yuv "${frame}xyz")
execute_process(COMMAND ${folder}/build/camera 16 8 INPUT_FILE ${folder}/cut.yuv OUTPUT_FILE ${folder}/cut_result.yuv
                RESULT_VARIABLE status ERROR_VARIABLE message)
if(NOT status EQUAL 1 OR NOT message MATCHES "^camera: the input ends within a frame\n$")
  message(FATAL_ERROR "a cut frame gave status ${status}: ${message}")
endif()
