"""Finds the route of a request: by its path if that is fixed, else by the patterns in turn."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import Match
from starlette.types import Scope

from common.http.problems import ProblemError
from common.http.routes import ApiRoute


class RouteTable:
    """A fixed path goes before a pattern; among patterns, what is declared first."""

    def __init__(self, routes: Iterable[ApiRoute]) -> None:
        self._fixed: dict[str, dict[str, ApiRoute]] = defaultdict(dict)
        self._patterns: list[ApiRoute] = []
        for route in routes:
            if route.param_convertors:
                self._patterns.append(route)
            else:
                for method in route.methods or ():
                    self._fixed[route.path].setdefault(method, route)

    def find(self, scope: Scope) -> tuple[ApiRoute, Mapping[str, Any]]:
        """Return the route and the parameters in the path; raises ProblemError if there is none."""
        fixed = self._fixed.get(scope["path"], {})
        if (route := fixed.get(scope["method"])) is not None:
            return route, {}
        methods = set(fixed)
        for pattern in self._patterns:
            match, child_scope = pattern.matches(scope)
            if match is Match.FULL:
                return pattern, child_scope["path_params"]
            if match is Match.PARTIAL:
                methods |= pattern.methods or set()
        raise _wrong_method(scope["method"], methods) if methods else _no_path()


def _wrong_method(method: str, methods: set[str]) -> ProblemError:
    detail = f"This path does not take {method}."
    headers = {"Allow": ", ".join(sorted(methods))}
    return ProblemError(405, "method-not-allowed", detail, headers=headers)


def _no_path() -> ProblemError:
    return ProblemError(
        404, "not-found", "There is no such path; those of the API begin with /v1/."
    )
