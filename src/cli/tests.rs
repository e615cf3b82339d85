use clap::CommandFactory as _;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("watchbell").chain(line.split_whitespace()))
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_contract_parses() {
    let id = "01890f3c-7b6a-7cc0-98c4-dc0c0c07398f";
    let lines = format!(
        "demo --recipients 10 --dir d --seed 1 --database postgres://h/d --headless --json
        serve
        send --to f.csv --text T --priority urgent --on-doubt resend --not-after 18:00 --wait --wait-for-window --as li --json
        send --group G --text T
        campaign list
        campaign show {id}
        campaign submit {id} --as wang
        campaign approve {id} --as li
        campaign return {id} --reason x --as li
        campaign reject {id} --as li
        run list
        run show {id}
        run pause {id}
        run resume {id}
        run cancel {id}
        stop
        release --reason checked
        plan check FILE
        plan import FILE
        plan forecast FILE
        contacts import f.xlsx --group G --dry-run --corrected c.csv --json
        log --phone 13800138000 --campaign {id} --run {id} --state delivered --from 2023-06-01 --to 2023-06-30 --limit 5 --format jsonl
        log --unmask --reason audit
        log --format csv --bom
        audit verify --json
        audit export FILE
        audit prove 42
        audit check FILE
        report --month 2023-06 --out f.docx
        simulate --protocol cmpp20 --listen 127.0.0.1:7890 --account a --password p --rate 5 --report-delay 10 --undelivered 5 --json
        simulate --protocol cmpp20 --listen 127.0.0.1:0 --account a --lost-answers 1 --duplicate-reports 2% --early-reports 3 --late-reports 4 --disconnect-every 500 --seed 7
        pdu decode --protocol cmpp20 0000
        gateways check --force --json
        gateways accept mobile --phones f.csv --yes --wait 2m --idle 40 --rate-segments 200 --out p.html --json
        gateways trace data/trace/mobile-0.trace --key env:TRACE_KEY --numbers --reason looking
        doctor
        bench freeze --recipients 10 --personal --dir d --json
        migrate
        user add wang --role clerk
        user list
        user disable wang
        user passwd wang
        token list
        work-order list --overdue --json
        work-order show 县安委办短协〔2023〕1号
        work-order proof ID --phone 13800138000 --text T
        work-order counts ID --as-of 2023-06-05T11:00 --sent 7 --final
        work-order export ID --out DIR
        work-order import-form f.xlsx --json
        backup FILE
        restore FILE
        --config f.toml --lang zh serve
        serve --config f.toml --lang en"
    );
    for line in lines.lines() {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "",
        "send --text T",
        "send --to f --group g --text T",
        "send --group g --text T --priority later",
        "release",
        "log --unmask",
        "log --format xml",
        "report --out f.html",
        "report --month 2023-13 --out f.html",
        "contacts import f.csv",
        "campaign show 7",
        "user add wang --role king",
        "work-order",
        "work-order proof ID",
        "work-order withdraw ID",
        "simulate --protocol cmpp --listen 127.0.0.1:1",
        "simulate --protocol cmpp20 --listen 127.0.0.1:1 --undelivered 101",
        "simulate --protocol cmpp20 --listen 127.0.0.1:1 --disconnect-every 0",
        "bench freeze --dir d --database sqlite://x",
        "demo --recipients 0",
        "pdu decode 00",
        "gateways accept mobile",
        "gateways accept mobile --phones f --wait soon",
        "gateways trace f",
        "gateways trace f --key env:K --numbers",
        "serve --lang fr",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[tokio::test]
async fn what_is_not_built_says_so_and_ends_with_2() {
    for line in [
        "report --month 2023-06 --out f.docx",
        "doctor",
        "token",
        "audit prove 1",
    ] {
        let cli = parse(line).unwrap();
        let ctx = Ctx::new(cli.global, BTreeMap::new(), false);
        let error = cli.command.run(&ctx).await.unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{line}");
        for lang in [Lang::Zh, Lang::En] {
            assert!(
                error.text(lang).unwrap().contains("not built yet"),
                "{line}"
            );
        }
    }
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let gone = CliError::Io(std::io::ErrorKind::BrokenPipe.into());
    assert_eq!((gone.exit(), gone.text(Lang::En)), (Exit::Done, None));
    assert_eq!(
        CliError::Io(std::io::ErrorKind::StorageFull.into()).exit(),
        Exit::No
    );
}
