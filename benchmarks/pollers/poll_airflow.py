"""Airflow: one poke of a sensor that waits for files of a day.

A sensor says whether such files exist, and remembers nothing: until they come nothing is new to it, and then it is one
thing, for it stops listing at the first file that fits.
"""

from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from polling import BUCKET, KEY, NEW_DAY, serve


def main() -> None:
    awaited = f"s3://{BUCKET}/{KEY}".format(vendor="*", business_date=NEW_DAY, file="*")
    sensor = S3KeySensor(task_id="wait", bucket_key=awaited, wildcard_match=True, aws_conn_id=None)
    serve(lambda: sensor.poke({}), int, ("apache-airflow", "apache-airflow-providers-amazon", "boto3"))


if __name__ == "__main__":
    main()
