"""What schemathesis looks for beside its own checks: the only answer of 500 and above is 503, and it says when to come again."""

import schemathesis


@schemathesis.check
def only_busy(ctx, response, case):
    if response.status_code >= 500:
        assert response.status_code == 503, f"{response.status_code}: {response.text[:300]}"
        assert "retry-after" in response.headers, "503 without Retry-After"


@schemathesis.check
def problems_are_problems(ctx, response, case):
    if response.status_code >= 400:
        kind = response.headers["content-type"][0]
        assert kind == "application/problem+json", f"{response.status_code} is {kind}"
        assert response.json()["status"] == response.status_code
