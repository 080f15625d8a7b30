"""Who carries out the stages: DuckDB within this process, or Spark on this machine or a cluster.

choice ──► duckdb_engine | spark_engine ──► Engine: keep · read · narrow · define · run · query
"""
