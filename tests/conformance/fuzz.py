"""What a fuzzer makes of requests and answers."""

from hypothesis import strategies as st

from tests.conformance.made import Made, Page

__all__ = ["pages", "requests"]

FIELD = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40
)
NUMBERS = st.sampled_from(["0", "1", "600", "-1", "1.5", '"600"', "9" * 15, "", "x", "6 0"])
DIRECTIVES = st.one_of(
    st.builds("{}={}".format, st.sampled_from(["max-age", "s-maxage", "Max-Age"]), NUMBERS),
    st.builds("{}={}".format,
              st.sampled_from(["stale-while-revalidate", "stale-if-error", "x"]), NUMBERS),
    st.sampled_from(["public", "no-cache", "must-revalidate", "no-transform", "immutable"]),
    st.sampled_from(['no-cache="set-cookie"', 'x="a, max-age=9"', "a;b=1", "(1 2)", "?1", "&", ""]),
    FIELD,
)  # fmt: skip
CONTROL = st.builds(
    lambda directives, comma: comma.join(directives),
    st.lists(DIRECTIVES, max_size=6),
    st.sampled_from([",", ", ", " ,\t", ";"]),
)
PRIVATE = st.sampled_from(["private", "Private", "PRIVATE", 'private="x-user"', "no-store"])
UNQUOTED = CONTROL.filter(lambda text: '"' not in text)
PRIVATE_CONTROL = st.builds("max-age=600, {}, {}, {}".format, UNQUOTED, PRIVATE, UNQUOTED)
CONTROLS = ["Cache-Control", "CDN-Cache-Control", "Surrogate-Control"]
ANSWER_FIELDS = st.one_of(
    st.tuples(st.sampled_from(CONTROLS), CONTROL),
    st.tuples(st.just("Vary"), st.sampled_from(
        ["*", "Cookie", "Accept-Encoding", "accept-language, *", "X-Flavour", ",", ""])),
    st.tuples(st.sampled_from(
        ["Age", "Expires", "ETag", "Last-Modified", "xkey", "Content-Type", "Location", "Pragma",
         "Cache-Status", "Dumper-Path", "Dumper-Host", "Dumper-Elapsed", "Dumper-Storable",
         "Dumper-Stale", "Surrogate-Key", "Content-Location", "Warning"]), FIELD | NUMBERS),
    st.tuples(st.just("xkey"), st.text("ab ,/", min_size=1000, max_size=3000)),
)  # fmt: skip
GUESSES = st.sampled_from(["", " ", "token", "token-of-the-test", "TOKEN-OF-THE-TESTS", "x"])
REQUEST_FIELDS = st.one_of(
    st.tuples(st.just("Dumper-Token"), GUESSES),
    st.tuples(st.sampled_from(
        ["Cookie", "Accept-Encoding", "Accept-Language", "User-Agent", "If-None-Match", "Range",
         "If-Modified-Since", "Cache-Control", "Upgrade", "X-Flavour", "Referer", "Via"]),
        FIELD | st.sampled_from(["sessionid=1", "a=1; messages=2", "csrftoken=1; b", "bytes=0-1"])),
    st.tuples(st.sampled_from(
        ["X-HTTP-Method-Override", "X-Method-Override", "Dumper-Purge", "Dumper-Ban-Path",
         "Dumper-Token-Wanted", "Dumper-Token-Previous", "Dumper-Token-Unneeded", "Dumper-Pass",
         "Dumper-Status", "Dumper-Stale", "xkey-purge", "xkey-softpurge", "X-Forwarded-For",
         "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Forwarded"]),
        FIELD | st.sampled_from(["PURGE", "wait", "soft", "^/", "canary", "/canary/"])),
    st.tuples(st.just("Connection"), st.sampled_from(["Host", "Cookie, Range", "X-Flavour"])),
    st.tuples(st.sampled_from(["Transfer-Encoding", "Transfer-encoding "]),
              st.sampled_from(["chunked", "identity", "chunked, identity", "xchunked"])),
    st.tuples(st.just("Content-Length"), st.sampled_from(["0", "5", "+5", "5, 5", "-1"])),
    st.tuples(st.from_regex(r"[A-Za-z][A-Za-z-]{0,12}", fullmatch=True), FIELD),
    st.tuples(st.just("Cookie"), st.text("a;=, ", min_size=1000, max_size=5000)),
)  # fmt: skip
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PURGE", "BAN", "PUT", "purge", "PURGES", "SPAM"])
TARGETS = st.one_of(
    st.just("{path}"),
    st.sampled_from(["/canary/", "//canary/", "http://www.example.com/canary/", "*", "{path}?",
                     "{path}?page=2&x=%20", "https://www.example.com/canary/", "/../canary/"]),
    st.builds("{{path}}{}".format, st.text(
        st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="{}\x7f"),
        max_size=20)),
)  # fmt: skip
HOSTS = st.sampled_from(["www.example.com", "WWW.example.com:80", "evil", "a b", "", "[::1]:8"])
BODIES = st.sampled_from(
    [
        b"",
        b"12345",
        b"0\r\n\r\n",
        b"0\r\n\r\nPURGE /canary/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n",
    ]
)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    """Draw a page that is everyone's, or sets a cookie, or is private; all say they may be kept."""
    headers = draw(st.lists(ANSWER_FIELDS, max_size=5))
    headers.insert(
        0, (draw(st.sampled_from(["Cache-Control", "Surrogate-Control"])), "max-age=600")
    )
    kind = draw(st.sampled_from(["public", "cookie", "private"]))
    if kind == "cookie":
        headers.insert(draw(st.integers(0, len(headers))), ("Set-Cookie", draw(FIELD) or "a=1"))
    if kind == "private":
        control = draw(PRIVATE_CONTROL)
        if "no-store" in control:
            # A targeted field would decide alone: then none stands beside it.
            headers = [item for item in headers if not item[0].endswith("Control")]
        headers.append(("Cache-Control", control))
    return Page(headers=tuple(headers), personal=kind != "public")


requests = st.builds(
    Made,
    method=METHODS | st.just("GET"),
    target=TARGETS,
    host=HOSTS | st.just("www.example.com"),
    headers=st.lists(REQUEST_FIELDS, max_size=5).map(tuple),
    body=BODIES,
)
