"""Parameters as users type them, over DDS: integers for floats, names that do not exist."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from node_process import Client, RosProcess, ros_process
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParametersAtomically
from rclpy.parameter import Parameter

FILE = """
/**:
  ros__parameters:
    use_sim_time: false
    latency_limit: 700
    joints_of_another_node: []
    qos_overrides./image.subscription.reliability: reliable
handos:
  ros__parameters:
    feild_of_view: 60
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RosProcess]:
    folder = tmp_path_factory.mktemp("node")
    (folder / "file.yaml").write_text(FILE)
    arguments = ("--params-file", folder / "file.yaml", "-p", "field_of_view:=60", "-p", "autostart:=false")
    with ros_process("node", "--ros-args", *arguments, log=folder / "log.txt") as process:
        yield process
        assert process.stop() == 0
        assert "Traceback" not in process.log


@pytest.fixture(scope="module")
def client(node: RosProcess) -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def values_of(client: Client, *names: str) -> Sequence[ParameterValue]:
    return client.call(GetParameters, "/handos/get_parameters", GetParameters.Request(names=list(names))).values


def is_double(value: ParameterValue, number: float) -> bool:
    return (value.type, value.double_value) == (ParameterType.PARAMETER_DOUBLE, number)


def test_integers_on_the_command_line_and_in_files_become_floats(client: Client) -> None:
    of_command_line, of_file = values_of(client, "field_of_view", "latency_limit")
    assert is_double(of_command_line, 60.0)
    assert is_double(of_file, 700.0)
    request = DescribeParameters.Request(names=["field_of_view", "latency_limit"])
    for descriptor in client.call(DescribeParameters, "/handos/describe_parameters", request).descriptors:
        assert descriptor.type == ParameterType.PARAMETER_DOUBLE
        assert not descriptor.dynamic_typing
        assert descriptor.floating_point_range


def test_integers_become_floats_while_the_node_runs(client: Client) -> None:
    assert client.set_parameter("field_of_view", 70).successful
    assert is_double(values_of(client, "field_of_view")[0], 70.0)
    changes: list[ParameterMessage] = [
        Parameter(name, value=value).to_parameter_msg() for name, value in (("coast_time", 1), ("max_hands", 2))
    ]
    request = SetParametersAtomically.Request(parameters=changes)
    assert client.call(SetParametersAtomically, "/handos/set_parameters_atomically", request).result.successful
    coast_time, max_hands = values_of(client, "coast_time", "max_hands")
    assert is_double(coast_time, 1.0)
    assert (max_hands.type, max_hands.integer_value) == (ParameterType.PARAMETER_INTEGER, 2)


@pytest.mark.parametrize("value", ["90", True, [90.0], 180])
def test_what_is_no_number_in_range_is_refused_and_changes_nothing(value: Any, client: Client) -> None:
    before = values_of(client, "field_of_view")
    result = client.set_parameter("field_of_view", value)
    assert not result.successful
    assert result.reason
    assert values_of(client, "field_of_view") == before


def test_only_names_that_do_not_exist_are_warned_of(node: RosProcess, client: Client) -> None:
    node.wait_for_log("feild_of_view (did you mean field_of_view?)", "joints_of_another_node")
    for known in ("use_sim_time", "qos_overrides", "latency_limit", "autostart"):
        assert known not in node.log
