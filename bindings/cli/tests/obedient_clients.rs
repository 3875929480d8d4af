//! Clients that obey a 429 of `sluice serve`: each waits as told and is then admitted, and none is denied twice in a row.
//!
//! curl, urllib3 and got obey by themselves; requests, httpx and reqwest by what this project adds to them. `tests/run`
//! installs them and says where by `SLUICE_TEST_PYTHON` and `SLUICE_TEST_NODE`; without that the tests say that they were
//! skipped.

mod common;

use common::server::Server;
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use sluicegate_reqwest::Obey;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Two seconds between two requests.
const POLICY: &str = "token-bucket 1/2s burst=1";
const REQUESTS: usize = 3;

fn server() -> Server {
    Server::start(&["--policy", POLICY])
}

fn url(server: &Server) -> String {
    format!("http://{}/", server.address)
}

/// Whether these are the answers to requests of a client that obeys: the first is admitted, the others are denied once.
fn obeyed(statuses: &[u16]) {
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), REQUESTS, "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(statuses.windows(2).all(|two| two != [429, 429]), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
}

/// The statuses that a client prints, one a line.
fn statuses(command: &mut Command) -> Vec<u16> {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.lines().map(|line| line.trim().parse().unwrap_or_else(|_| panic!("{out}{err}"))).collect()
}

fn installed(variable: &str) -> Option<String> {
    let place = std::env::var(variable).ok();
    if place.is_none() {
        println!("skipped: run tests/run, which installs the clients");
    }
    place
}

/// A program in Python that defines `ask(url, note)`, which asks once and calls `note` with the status of each answer.
fn python(program: &str) {
    let Some(python) = installed("SLUICE_TEST_PYTHON") else { return };
    let server = server();
    let main = format!("{program}\nimport sys\nfor _ in range({REQUESTS}):\n    ask(sys.argv[1], print)\n");
    obeyed(&statuses(Command::new(python).args(["-W", "error", "-c", &main, &url(&server)])));
}

#[test]
fn curl_obeys() {
    if installed("SLUICE_TEST_PYTHON").is_none() {
        return;
    }
    let server = server();
    // Files, because curl empties them before it asks again, and cannot empty /dev/null.
    let directory = tempfile::tempdir().unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--retry", "3", "--dump-header", "-"]);
    for request in 0..REQUESTS {
        curl.arg("--output").arg(directory.path().join(request.to_string())).arg(url(&server));
    }
    let output = curl.output().unwrap();
    let heads = String::from_utf8(output.stdout).unwrap();
    let status_lines = heads.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 "));
    obeyed(&status_lines.map(|line| line[..3].parse().unwrap()).collect::<Vec<_>>());
}

#[test]
fn urllib3_obeys() {
    python(
        r#"
import urllib3
pool = urllib3.PoolManager(retries=urllib3.Retry(total=3))
def ask(url, note):
    response = pool.request("GET", url)
    for turn in response.retries.history:
        note(turn.status)
    note(response.status)
"#,
    );
}

#[test]
fn requests_obeys_with_our_adapter() {
    python(
        r#"
import requests
from sluicegate.requests import ObeyAdapter
class Noting(ObeyAdapter):
    def build_response(self, *arguments):
        response = super().build_response(*arguments)
        self.note(response.status_code)
        return response
session, adapter = requests.Session(), Noting()
session.trust_env = False
session.mount("http://", adapter)
def ask(url, note):
    adapter.note = note
    assert session.get(url).status_code == 200
"#,
    );
}

#[test]
fn httpx_obeys_with_our_transport() {
    python(
        r#"
import httpx
from sluicegate.httpx import ObeyTransport
class Noting(httpx.HTTPTransport):
    def handle_request(self, request):
        response = super().handle_request(request)
        self.note(response.status_code)
        return response
transport = Noting()
client = httpx.Client(transport=ObeyTransport(transport))
def ask(url, note):
    transport.note = note
    assert client.get(url).status_code == 200
"#,
    );
}

#[test]
fn httpx_obeys_in_tasks_too() {
    python(
        r#"
import asyncio, httpx
from sluicegate.httpx import AsyncObeyTransport
class Noting(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        self.note(response.status_code)
        return response
async def get(url, note):
    transport = Noting()
    transport.note = note
    async with httpx.AsyncClient(transport=AsyncObeyTransport(transport)) as client:
        assert (await client.get(url)).status_code == 200
def ask(url, note):
    asyncio.run(get(url, note))
"#,
    );
}

#[test]
fn got_obeys() {
    let Some(clients) = installed("SLUICE_TEST_NODE") else { return };
    let server = server();
    let client = format!("{clients}/client.mjs");
    obeyed(&statuses(Command::new("node").args([&client, &url(&server), &REQUESTS.to_string()])));
}

/// Notes the status of every answer on its way to the middleware before it.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<u16>>>);

#[async_trait::async_trait]
impl Middleware for Noting {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let response = next.run(request, extensions).await?;
        self.0.lock().unwrap().push(response.status().as_u16());
        Ok(response)
    }
}

#[tokio::test]
async fn reqwest_obeys_with_our_middleware() {
    let server = server();
    let noting = Noting::default();
    let client = ClientBuilder::new(reqwest::Client::new()).with(Obey::default()).with(noting.clone()).build();
    for _ in 0..REQUESTS {
        assert_eq!(client.get(url(&server)).send().await.unwrap().status(), 200);
    }
    obeyed(&noting.0.lock().unwrap());
}
