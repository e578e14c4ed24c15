@echo off
rem Activates the virtual environment and selects the local Prefect profile, for this window of cmd.exe only.
rem Make the environment first:  py -3.11 -m venv .venv

if not exist "%~dp0.venv\Scripts\activate.bat" (
    echo There is no virtual environment in %~dp0.venv. Make it with:  py -3.11 -m venv .venv
    exit /b 1
)
call "%~dp0.venv\Scripts\activate.bat"

set PREFECT_PROFILE=local
rem No quotes in the value: cmd.exe would make them part of it.
set PREFECT_API_URL=http://127.0.0.1:4200/api
set PYTHONUTF8=1
