//! Both packages, as Composer and PIE take them; without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::process::Sandbox;
use crate::support::c::{self, command, run};
use crate::support::require::trial;
use crate::support::{root, scratch};
use crate::tools::{self, LIMIT, PHP, Way};

pub fn trials() -> Vec<Trial> {
    const COMPOSER: &[&str] = &["composer", "php"];
    const PIE: &[&str] = &[
        "php",
        "php-config",
        "phpize",
        "make",
        "autoconf",
        "cc",
        "pkg-config",
    ];
    vec![
        trial("composer_finds_both_packages_valid", COMPOSER, valid),
        trial(
            "composer_installs_the_ffi_package_and_its_autoloader_places_a_call",
            COMPOSER,
            ffi,
        ),
        trial("pie_builds_the_extension_by_pkg_config", PIE, pie),
        trial("pie_is_told_what_the_extension_is", PHP, described),
    ]
}

/// Composer with nothing of the machine's, and no network.
fn composer(folder: &Path) -> Command {
    let mut composer = command(Path::new("composer"));
    composer
        .arg("--no-interaction")
        .current_dir(folder)
        .env("COMPOSER_HOME", scratch().join("composer-home"))
        .env("COMPOSER_CACHE_DIR", scratch().join("composer-cache"))
        .env("COMPOSER_ALLOW_SUPERUSER", "1")
        .env("COMPOSER_DISABLE_NETWORK", "1");
    composer
}

fn package(name: &str) -> Value {
    let text = fs::read_to_string(root().join("examples/php").join(name).join("composer.json"));
    serde_json::from_str(&text.expect("a package")).expect("JSON")
}

fn valid() {
    // Composer knows it from 2.8 on; `described` looks at what is in it.
    const NEW: &str = "- The property php-ext is not defined and the definition does not allow additional properties";
    for name in ["ext", "ffi"] {
        let mut composer = composer(&root().join("examples/php").join(name));
        composer.args(["validate", "--strict", "--no-check-lock"]);
        let output = run(composer, LIMIT);
        let said = format!("{}{}", output.stdout, output.stderr);
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("- ")).collect();
        match errors[..] {
            [] => assert!(output.success().contains("is valid"), "{name}: {said}"),
            [NEW] if name == "ext" => {}
            _ => panic!("{name}: {said}"),
        }
    }
}

fn ffi() {
    let project = scratch().join("composer-project");
    fs::create_dir(&project).expect("a folder");
    let ffi = root().join("examples/php/ffi");
    let wants = json!({
        "repositories": [
            {"type": "path", "url": ffi, "options": {"symlink": false}},
            {"packagist.org": false},
        ],
        // The second is what an application asks for that runs with either.
        "require": {"itnio/ffi": "*@dev", "ext-itnio": "*"},
    });
    fs::write(project.join("composer.json"), wants.to_string()).expect("a file");
    let mut install = composer(&project);
    install.args(["install", "--no-progress"]);
    run(install, LIMIT).success();

    // Each class by itself, in any order.
    let script = "<?php
        require 'vendor/autoload.php';
        $name = $argv[1];
        class_exists($name) || throw new Exception(\"no $name\");
        $client = new Itnio\\Client(apiKey: getenv('ITNIO_API_KEY'), apiSecret: getenv('ITNIO_API_SECRET'),
            baseUrl: getenv('ITNIO_BASE_URL'), caFile: getenv('ITNIO_CA_FILE'), proxy: '');
        echo $client->sendSip(callee: '4915112345678', account: '1001', appId: 'my-app')->id;
        ";
    fs::write(project.join("call.php"), script).expect("a script");
    let sandbox = Sandbox::start(&[]);
    for class in [
        "Client",
        "Recording",
        "Record",
        "RefusedException",
        "FailureException",
    ] {
        let mut php = command(Path::new("php"));
        php.arg("-n").current_dir(&project);
        for line in Way::Ffi.ini() {
            php.args(["-d", &line]);
        }
        // Away from the repository, it looks for the header where it is installed, or is told.
        let header = root().join("include/itnio.h");
        php.args(["-d", &format!("itnio.header={}", header.display())])
            .args(["call.php", &format!("Itnio\\{class}")]);
        crate::command_line::against(&mut php, &sandbox);
        let output = run(php, LIMIT);
        let id = output.success();
        assert!(id.len() == 19 && sandbox.line().ends_with(id), "{output:?}");
    }
}

/// The steps that PIE takes: it gives `configure` no options but those that its user asks for.
fn pie() {
    let folder = scratch().join("php-pie");
    tools::copy(&root().join("examples/php/ext"), &folder);
    let pc = scratch().join("php-pie-pc");
    fs::create_dir(&pc).expect("a folder");
    let text = format!(
        "Name: itnio\nDescription: Not installed\nVersion: {}\nCflags: -I{}\nLibs: -L{} -litnio\n",
        env!("CARGO_PKG_VERSION"),
        root().join("include").display(),
        c::library_directory().display(),
    );
    fs::write(pc.join("itnio.pc"), text).expect("a file");
    let mut build = command(Path::new("sh"));
    build
        .args(["-ec", "phpize --clean; phpize; ./configure --with-php-config=\"$(command -v php-config)\"; make -j2"])
        .env("PKG_CONFIG_PATH", &pc)
        .current_dir(&folder);
    run(build, LIMIT).success();

    let mut php = command(Path::new("php"));
    let module: PathBuf = folder.join("modules/itnio.so");
    php.arg("-n")
        .args(["-d", &format!("extension={}", module.display())])
        .args(["-r", "echo phpversion('itnio');"])
        .env("LD_LIBRARY_PATH", c::library_directory());
    assert_eq!(run(php, LIMIT).success(), env!("CARGO_PKG_VERSION"));
}

fn described() {
    let (ext, ffi) = (package("ext"), package("ffi"));
    assert_eq!(ext["type"], "php-ext");
    let read =
        |file: &str| fs::read_to_string(root().join("examples/php/ext").join(file)).expect(file);
    let name = ext["php-ext"]["extension-name"].as_str().expect("a name");
    let config = read("config.m4");
    assert!(config.contains(&format!("PHP_NEW_EXTENSION([{name}],")));
    // Each option is one that `configure` has, and takes a value where it does.
    let options = ext["php-ext"]["configure-options"]
        .as_array()
        .expect("options");
    assert!(!options.is_empty());
    for option in options {
        let name = option["name"].as_str().expect("a name");
        let argument = name.strip_prefix("with-").expect("an option with a value");
        assert!(
            config.contains(&format!("PHP_ARG_WITH([{argument}]")),
            "{name}"
        );
        assert_eq!(option["needs-value"], true);
    }
    // Both are for the PHP that the extension compiles with.
    let oldest = ext["require"]["php"]
        .as_str()
        .and_then(|php| php.strip_prefix(">=8."));
    let oldest: u32 = oldest.expect("a version").parse().expect("a number");
    assert!(read("php_itnio.h").contains(&format!("PHP_VERSION_ID < 80{oldest}00")));
    assert_eq!(ext["require"]["php"], ffi["require"]["php"]);
    // PIE: not the name of another package.
    assert_ne!(ext["name"], ffi["name"]);
    // A version here would be forgotten: Composer has it from the tag.
    assert!(ext.get("version").is_none() && ffi.get("version").is_none());
}
