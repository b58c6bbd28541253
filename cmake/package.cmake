# The library srdgan::session, and what find_package(srdgan) needs. Without dependencies but threads.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(srdgan_session)  # BUILD_SHARED_LIBS chooses the kind
add_library(srdgan::session ALIAS srdgan_session)
target_sources(srdgan_session PRIVATE $<TARGET_OBJECTS:srdgan_kernels> $<TARGET_OBJECTS:srdgan_session_objects>)
target_link_libraries(srdgan_session PRIVATE Threads::Threads)
target_compile_features(srdgan_session PUBLIC cxx_std_17)
target_include_directories(srdgan_session PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Before version 1, any minor version may change the interface.
set_target_properties(srdgan_session PROPERTIES EXPORT_NAME session LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/srdgan)
set(models ${CMAKE_INSTALL_DATADIR}/srdgan)
install(TARGETS srdgan_session EXPORT srdgan_targets)
install(DIRECTORY include/srdgan DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
file(GLOB weights CONFIGURE_DEPENDS srdgan_rt/weights/srdgan-x4*.safetensors srdgan_rt/weights/srdgan-x4*.md)
list(FILTER weights EXCLUDE REGEX "/srdgan-x4\\.sharp\\.")  # holds only what differs: a session cannot read it
install(FILES ${weights} DESTINATION ${models})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT srdgan_targets FILE srdganTargets.cmake NAMESPACE srdgan:: DESTINATION ${package})
configure_package_config_file(cmake/srdganConfig.cmake.in ${PROJECT_BINARY_DIR}/srdganConfig.cmake
                              INSTALL_DESTINATION ${package} PATH_VARS models)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/srdganConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/srdganConfig.cmake ${PROJECT_BINARY_DIR}/srdganConfigVersion.cmake
        DESTINATION ${package})
