//! `find_package(itnio)` finds what `cargo cinstall` installs, wherever the prefix is: the examples in C and
//! C++ build by CMake with the shared and the static library, and place calls.

#[path = "sandbox/process.rs"]
mod process;
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};
use process::Sandbox;
use support::c::{self, LIMIT, Output};
use support::prefix::{CARGO_C, copy, files, installed, libdir, only_archive};
use support::require::trial;
use support::{elf, library, root, scratch};

const C_TOOLS: &[&str] = &[CARGO_C, "cmake", "cc", "readelf"];
const CPP_TOOLS: &[&str] = &[CARGO_C, "cmake", "c++", "readelf"];
const SHARED: &str = "-DITNIO_TARGET=itnio::itnio";
const STATIC: &str = "-DITNIO_TARGET=itnio::static";
const ALL_STATIC: &str = "-DCMAKE_EXE_LINKER_FLAGS=-static";

fn main() {
    let mut trials = vec![
        trial("c_with_the_shared_library", C_TOOLS, || {
            let program = example("c", installed(), &[SHARED]);
            assert_eq!(itnio_needed(&program), [library::soname()]);
            places_a_call(&program);
        }),
        trial("c_with_the_static_library", C_TOOLS, || {
            let program = example("c", installed(), &[STATIC]);
            assert_eq!(itnio_needed(&program), [""; 0]);
            places_a_call(&program);
        }),
        trial("c_static_with_libc", C_TOOLS, || {
            let program = example("c", installed(), &[STATIC, ALL_STATIC]);
            assert_eq!(elf::dynamic(&program, &["NEEDED"]), [""; 0]);
            places_a_call(&program);
        }),
        trial("cpp_with_the_shared_library", CPP_TOOLS, || {
            let program = example("cpp", installed(), &[SHARED]);
            assert_eq!(itnio_needed(&program), [library::soname()]);
            dials(&program);
        }),
        trial("cpp_with_the_static_library", CPP_TOOLS, || {
            let program = example("cpp", installed(), &[STATIC]);
            assert_eq!(itnio_needed(&program), [""; 0]);
            dials(&program);
        }),
        trial("only_the_static_library_is_there", C_TOOLS, || {
            let prefix = only_archive();
            places_a_call(&example("c", &prefix, &[STATIC]));
            find(&prefix, "COMPONENTS static").success();
            not_found(&prefix, "COMPONENTS shared", "of the kind \"shared\"");
        }),
        trial("versions_of_the_same_soname_are_found", C_TOOLS, versions),
        trial("what_is_absent_is_named", C_TOOLS, absent),
        trial("a_project_may_ask_twice", C_TOOLS, || {
            let twice = "find_package(itnio REQUIRED)\nfind_package(itnio REQUIRED)\n";
            configure(&project(twice), installed()).success();
        }),
        trial("a_project_may_install_the_library_along", C_TOOLS, along),
    ];
    // Debian's folder for libraries is the machine's: it is among these only on Debian.
    trials.extend(["lib", "lib64", "lib/ARCHITECTURE"].map(moved_to));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A new folder.
fn folder() -> PathBuf {
    tempfile::Builder::new()
        .prefix("cmake-")
        .tempdir_in(scratch())
        .expect("a folder")
        .keep()
}

/// Runs cmake, with nothing of the machine's own libraries found, and no options from the environment.
#[track_caller]
fn cmake(arguments: &[&str]) -> Output {
    let mut command = c::command(Path::new("cmake"));
    command.args(arguments);
    for name in [
        "CFLAGS",
        "CXXFLAGS",
        "LDFLAGS",
        "CMAKE_GENERATOR",
        "CMAKE_PREFIX_PATH",
    ] {
        command.env_remove(name);
    }
    c::run(command, LIMIT)
}

#[track_caller]
fn configure_with(project: &Path, build: &Path, prefix: &Path, options: &[&str]) -> Output {
    let (project, build) = (path(project), path(build));
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", prefix.display());
    let mut arguments = vec!["-S", &project, "-B", &build, &prefix];
    arguments.extend(["-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF"]);
    arguments.extend(options);
    cmake(&arguments)
}

fn path(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

#[track_caller]
fn configure(project: &Path, prefix: &Path) -> Output {
    configure_with(project, &folder(), prefix, &[])
}

/// Builds an example; gives its program.
#[track_caller]
fn example(language: &str, prefix: &Path, options: &[&str]) -> PathBuf {
    let build = folder();
    let source = root().join("examples").join(language);
    configure_with(&source, &build, prefix, options).success();
    cmake(&["--build", &path(&build)]).success();
    let name = if language == "c" {
        "send_sip"
    } else {
        "dialer"
    };
    build.join(name)
}

/// A project in C that is these lines.
fn project(lines: &str) -> PathBuf {
    let folder = folder();
    let text = format!("cmake_minimum_required(VERSION 3.10)\nproject(test C)\n{lines}");
    fs::write(folder.join("CMakeLists.txt"), text).expect("a project");
    folder
}

#[track_caller]
fn find(prefix: &Path, request: &str) -> Output {
    let line = format!("find_package(itnio {request} REQUIRED)\n");
    configure(&project(&line), prefix)
}

#[track_caller]
fn not_found(prefix: &Path, request: &str, words: &str) {
    let output = find(prefix, request);
    assert_ne!(output.code, Some(0), "{request} is found: {output:?}");
    // CMake breaks lines where it likes.
    let said = output.stderr.split_whitespace().collect::<Vec<_>>();
    assert!(said.join(" ").contains(words), "{request}: {output:?}");
}

/// The names by which a program asks for libitnio.
fn itnio_needed(program: &Path) -> Vec<String> {
    let needed = elf::dynamic(program, &["NEEDED"]).into_iter();
    let names = needed.filter_map(|entry| {
        let (_, rest) = entry.split_once('[')?;
        Some(rest.trim_end_matches(']').to_owned())
    });
    names.filter(|name| name.contains("itnio")).collect()
}

/// A program against a sandbox of its own.
fn against(program: &Path, sandbox: &Sandbox) -> std::process::Command {
    let mut command = c::command(program);
    command
        .env("ITNIO_API_KEY", "bDqJFiq9")
        .env("ITNIO_API_SECRET", "7bz1lzh9")
        .env("ITNIO_BASE_URL", &sandbox.base_url)
        .env("ITNIO_CA_FILE", &sandbox.ca_file)
        // CMake has noted where the library is.
        .env_remove("LD_LIBRARY_PATH");
    command
}

/// The C example, which prints the recording ID.
#[track_caller]
fn places_a_call(program: &Path) {
    let sandbox = Sandbox::start(&[]);
    let mut call = against(program, &sandbox);
    call.args(["4915112345678", "1001", "my-app"]);
    let output = c::run(call, LIMIT);
    let id = output
        .success()
        .lines()
        .find_map(|line| line.strip_prefix("recording_id="))
        .expect("a recording ID");
    assert!(sandbox.line().ends_with(id), "the sandbox's call");
    assert!(sandbox.finish().log.is_empty(), "one request");
}

/// The dialer, which writes the recording ID down.
#[track_caller]
fn dials(program: &Path) {
    let sandbox = Sandbox::start(&[]);
    let (numbers, results) = (folder().join("numbers.csv"), folder().join("results.csv"));
    fs::write(&numbers, "callee\n4915112345678\n").expect("a list");
    let mut call = against(program, &sandbox);
    call.args(["--account", "1001", "--app-id", "my-app"])
        .args([&numbers, &results]);
    c::run(call, LIMIT).success();
    let written = fs::read_to_string(&results).expect("the results");
    let line = sandbox.line();
    let id = line.rsplit(' ').next().expect("a recording ID");
    assert!(id.len() == 19 && written.contains(id), "{line}\n{written}");
    assert!(sandbox.finish().log.is_empty(), "one request");
}

fn versions() {
    let version = env!("CARGO_PKG_VERSION");
    let (major, minor) = (
        env!("CARGO_PKG_VERSION_MAJOR")
            .parse::<u32>()
            .expect("a number"),
        env!("CARGO_PKG_VERSION_MINOR")
            .parse::<u32>()
            .expect("a number"),
    );
    let same = format!("{major}.{minor}");
    for request in [
        "",
        &same,
        version,
        &format!("{version} EXACT"),
        &format!("{same}...{major}.{}", minor + 1),
        &format!("{same}...<{}", major + 1),
    ] {
        let line = format!(
            "find_package(itnio {request} REQUIRED)\nmessage(STATUS \"<${{itnio_VERSION}}>\")\n"
        );
        let output = configure(&project(&line), installed());
        let said = format!("<{version}>");
        assert!(output.success().contains(&said), "{request}: {output:?}");
    }
    let considered = format!("version: {version}");
    let mut unsuitable = vec![
        format!("{major}.{}", minor + 1),
        format!("{version}.1"),
        format!("{}", major + 1),
        format!("{version}.1 EXACT"),
    ];
    if major == 0 {
        let earlier = format!("0.{}", minor - 1);
        unsuitable.extend([format!("{earlier}...<{same}"), earlier, "0".to_owned()]);
    }
    for request in unsuitable {
        not_found(installed(), &request, &considered);
    }
}

fn absent() {
    let without = |what: &str, words: &str| {
        let prefix = copy(&format!("without-{}", what.replace('/', "-")));
        let gone: Vec<String> = files(&prefix)
            .into_keys()
            .filter(|file| file.contains(what))
            .collect();
        assert!(!gone.is_empty(), "{what}");
        for file in gone {
            fs::remove_file(prefix.join(file)).expect("a file");
        }
        not_found(&prefix, "", words);
    };
    without("libitnio.", "or no libitnio for this target in any of: ");
    without("include/itnio.h", "has no itnio.h in include");
    not_found(
        installed(),
        "COMPONENTS nonsense",
        "of the kind \"nonsense\"",
    );
    find(installed(), "COMPONENTS shared static").success();

    // What it needs from the system is not known: a target would link by luck only.
    let prefix = copy("without-pc");
    fs::remove_file(libdir(&prefix).join("pkgconfig/itnio.pc")).expect("a file");
    find(&prefix, "COMPONENTS shared").success();
    not_found(&prefix, "COMPONENTS static", "of the kind \"static\"");
}

/// The file that CMake installs has the name that programs ask for, and the program runs without the prefix.
fn along() {
    let prefix = copy("to-be-removed");
    let project = project(&format!(
        "find_package(itnio REQUIRED)\n\
         add_executable(send_sip {source})\n\
         target_link_libraries(send_sip PRIVATE itnio::itnio)\n\
         set_target_properties(send_sip PROPERTIES INSTALL_RPATH $ORIGIN/../lib)\n\
         install(TARGETS send_sip DESTINATION bin)\n\
         install(FILES $<TARGET_FILE:itnio::itnio> DESTINATION lib RENAME $<TARGET_SONAME_FILE_NAME:itnio::itnio>)\n",
        source = root().join("examples/c/send_sip.c").display(),
    ));
    let (build, target) = (folder(), folder());
    configure_with(&project, &build, &prefix, &[]).success();
    cmake(&["--build", &path(&build)]).success();
    cmake(&["--install", &path(&build), "--prefix", &path(&target)]).success();
    fs::remove_dir_all(&prefix).expect("the prefix");
    places_a_call(&target.join("bin/send_sip"));
}

/// Another prefix, with its libraries elsewhere: both targets are found there, and nothing of the first prefix.
fn moved_to(libraries: &'static str) -> Trial {
    let name = format!(
        "prefix_moved_with_libraries_in_{}",
        libraries.replace('/', "_")
    );
    trial(name, C_TOOLS, move || {
        let told = "message(STATUS \"<${CMAKE_LIBRARY_ARCHITECTURE}>\")\n";
        let output = configure(&project(told), installed());
        let (_, rest) = output
            .success()
            .split_once("-- <")
            .expect("an architecture");
        let (architecture, _) = rest.split_once('>').expect("an architecture");
        let libraries = if architecture.is_empty() {
            // The compiler has none: such a folder is not looked into.
            libraries.replace("lib/ARCHITECTURE", "lib")
        } else {
            libraries.replace("ARCHITECTURE", architecture)
        };

        let prefix = copy(&format!("moved-{}", libraries.replace('/', "-")));
        let (from, to) = (libdir(&prefix), prefix.join(&libraries));
        if from != to {
            let apart = prefix.join("apart");
            fs::rename(&from, &apart).expect("a folder that moves");
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            // Where there is one, it is empty by now.
            fs::rename(&apart, &to).expect("a folder that moves");
        }
        let program = example("c", &prefix, &[SHARED]);
        let [rpath] = &elf::dynamic(&program, &["RUNPATH", "RPATH"])[..] else {
            panic!("one path to look for libraries in");
        };
        assert!(rpath.contains(&format!("[{}", to.display())), "{rpath}");
        places_a_call(&program);
        places_a_call(&example("c", &prefix, &[STATIC]));
    })
}
