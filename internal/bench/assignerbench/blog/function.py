"""The address function of Databricks' article on a dedicated connection to Azure OpenAI, written anew
from what the article says of it, for comparison:

- the pool is every Elastic IP that has a tag of the pool's key, whatever its value;
- the first address without an association goes to the instance that launches;
- the association does not say whether the address may be taken from another holder;
- then the lifecycle action is completed; an error completes nothing, and the hook's time-out decides.

One line on standard input is one event, handled in a thread of its own; one line on standard output is how
it ended. The process ends with its input.
"""

import json
import os
import sys
import threading

import boto3
from botocore.config import Config

POOL_KEY = os.environ["POOL_TAG_KEY"]


class Assigner:
    """Both clients, which threads may share; making them is what threads may not do at once."""

    def __init__(self):
        connections = Config(max_pool_connections=int(os.environ.get("CONNECTIONS", "10")))
        self.ec2 = boto3.client("ec2", config=connections)
        self.autoscaling = boto3.client("autoscaling", config=connections)

    def first_free(self):
        """The allocation id of the first address of the pool that nobody has."""
        pool = self.ec2.describe_addresses(Filters=[{"Name": "tag-key", "Values": [POOL_KEY]}])
        for address in pool["Addresses"]:
            if not address.get("AssociationId"):
                return address["AllocationId"]
        raise LookupError("the pool has no free address")

    def launch(self, event):
        """Gives the launching instance an address and lets it into service."""
        action = event["detail"]
        instance = action["EC2InstanceId"]
        self.ec2.associate_address(AllocationId=self.first_free(), InstanceId=instance)
        self.autoscaling.complete_lifecycle_action(
            AutoScalingGroupName=action["AutoScalingGroupName"],
            InstanceId=instance,
            LifecycleActionResult="CONTINUE",
            LifecycleActionToken=action["LifecycleActionToken"],
            LifecycleHookName=action["LifecycleHookName"],
        )
        return instance


def main():
    assigner = Assigner()
    answering = threading.Lock()

    def serve(line):
        try:
            answer = {"instance_id": assigner.launch(json.loads(line))}
        except Exception as error:  # what Lambda reports, and nobody acts on
            answer = {"error": f"{type(error).__name__}: {error}"}
        with answering:
            print(json.dumps(answer), flush=True)

    launches = []
    for line in sys.stdin:
        launches.append(threading.Thread(target=serve, args=(line,)))
        launches[-1].start()
    for launch in launches:
        launch.join()


if __name__ == "__main__":
    main()
