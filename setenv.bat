@echo off
rem Activates the virtual environment and selects the local Prefect profile, for this window of cmd.exe only.
rem Make the environment first:  py -3.11 -m venv .venv

rem No block in brackets: one in the folder's name would end it. The quotes are for & and blanks in that name.
if exist "%~dp0.venv\Scripts\activate.bat" goto activate
echo There is no virtual environment in "%~dp0.venv". Make it with:  py -3.11 -m venv "%~dp0.venv"
exit /b 1

:activate
call "%~dp0.venv\Scripts\activate.bat"

set PREFECT_PROFILE=local
rem No quotes in the value: cmd.exe would make them part of it.
set PREFECT_API_URL=http://127.0.0.1:4200/api
set PYTHONUTF8=1
exit /b 0
